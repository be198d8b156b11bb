import { callWords, madeAfter } from './accounts.ts';
import type { Fact, SettingFact } from './facts.ts';
import type { RequestId } from './ids.ts';

/** Copies wanted where no setting says otherwise. */
export const REPLICAS_DEFAULT = 2;

/** R: the wanted number of copies of every content in this mesh. */
export function wantedCopies(facts: Iterable<Fact>): number {
  for (const fact of facts) if (fact.kind === 'setting' && fact.name === 'replicas') return fact.value;
  return REPLICAS_DEFAULT;
}

/** What is to be told when somebody sets R; undefined: that request was carried out, whatever was set since. */
export function settingAfter(facts: Iterable<Fact>, value: number, request: RequestId | undefined): SettingFact | undefined {
  let known: SettingFact | undefined;
  for (const fact of facts) if (fact.kind === 'setting') known = fact;
  const words = request === undefined ? undefined : callWords('set', request);
  if (words !== undefined && known?.made?.some((one) => one.words === words) === true) return undefined;
  const revision = Math.min((known?.revision ?? -1) + 1, Number.MAX_SAFE_INTEGER);
  return { kind: 'setting', name: 'replicas', value, revision, ...madeAfter(known, words) };
}
