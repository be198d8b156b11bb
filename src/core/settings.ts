import type { Fact } from './facts.ts';

/** Copies wanted where no setting says otherwise. */
export const REPLICAS_DEFAULT = 2;

/** R: the wanted number of copies of every content in this mesh. */
export function wantedCopies(facts: Iterable<Fact>): number {
  for (const fact of facts) if (fact.kind === 'setting' && fact.name === 'replicas') return fact.value;
  return REPLICAS_DEFAULT;
}
