import type { Right } from '../src/core/accounts.ts';

/** Who may do what, as one table: each door for people (command line, API, page) is held against the same. */

export const PASSWORDS = {
  root: 'correct horse battery',
  anna: 'violet candle of anna',
  bob: 'a bridge made by bob',
} as const;

/** Who asks; `nobody` is not logged in. */
export type Asker = keyof typeof PASSWORDS | 'nobody';

/** The files there are before the first case, and who made each. Content: its own path. */
export const FILES: readonly (readonly [path: string, by: keyof typeof PASSWORDS])[] = [
  ['shared.txt', 'anna'],
  ['to-delete.txt', 'anna'],
  ['to-rename.txt', 'anna'],
  ['to-overwrite.txt', 'anna'],
  ['docs/plan.txt', 'root'],
  ['docs/drafts/one.txt', 'root'],
  ['docs/drafts/to-delete.txt', 'root'],
  ['docs/board/minutes.txt', 'root'],
  ['docs/board/old/summary.txt', 'root'],
  ['home/anna/diary.txt', 'anna'],
  ['home/anna/deep/er/letter.txt', 'anna'],
  ['home/anna/pub/page.txt', 'anna'],
  ['home/anna/with-bob/list.txt', 'anna'],
  ['home/bob/b.txt', 'bob'],
];

/** In this order, and who gave each. `docs/board` is hidden from all but anna, though all may read `docs`. */
export const GRANTS: readonly {
  readonly path: string;
  readonly who: string;
  readonly right: Right;
  readonly by: keyof typeof PASSWORDS;
}[] = [
  { path: 'docs', who: 'everyone', right: 'read', by: 'root' },
  { path: 'docs/drafts', who: 'bob', right: 'write', by: 'root' },
  { path: 'docs/board', who: 'everyone', right: 'none', by: 'root' },
  { path: 'docs/board', who: 'anna', right: 'read', by: 'root' },
  { path: 'docs/board/old', who: 'everyone', right: 'read', by: 'root' },
  { path: 'home/anna/pub', who: 'everyone', right: 'read', by: 'anna' },
  { path: 'home/anna/with-bob', who: 'bob', right: 'write', by: 'anna' },
];

/** What is asked. `list`: all that one sees, below `path` when there is one. */
export type Act =
  | { readonly act: 'list'; readonly path?: string }
  | {
      readonly act: 'read' | 'where' | 'history' | 'rights' | 'create' | 'overwrite' | 'delete' | 'restore';
      readonly path: string;
    }
  | { readonly act: 'rename'; readonly path: string; readonly to: string }
  | { readonly act: 'grant'; readonly path: string; readonly who: string; readonly right: Right }
  | { readonly act: 'invite' | 'users' | 'add user' | 'set replicas' | 'remove user' | 'status' | 'peers' };

/** `done`, or the code of the error it is refused with. */
export type Answer = 'done' | 'not-found' | 'not-allowed';

export interface RightsCase {
  readonly by: Asker;
  readonly what: Act;
  readonly answer: Answer;
  /** Of `list`: the paths seen, in order. */
  readonly sees?: readonly string[];
}

const of = (by: Asker, answer: Answer, what: Act, sees?: readonly string[]): RightsCase => ({
  ...{ by, what, answer },
  ...(sees !== undefined && { sees }),
});

/** Reading first: the cases behind them change what there is. */
export const RIGHTS_CASES: readonly RightsCase[] = [
  of('bob', 'done', { act: 'list' }, [
    ...['docs/board/old/summary.txt', 'docs/drafts/one.txt', 'docs/drafts/to-delete.txt', 'docs/plan.txt'],
    ...['home/anna/pub/page.txt', 'home/anna/with-bob/list.txt', 'home/bob/b.txt'],
    ...['shared.txt', 'to-delete.txt', 'to-overwrite.txt', 'to-rename.txt'],
  ]),
  of('bob', 'done', { act: 'list', path: 'home/anna' }, ['home/anna/pub/page.txt', 'home/anna/with-bob/list.txt']),
  of('anna', 'done', { act: 'list', path: 'docs/board' }, ['docs/board/minutes.txt', 'docs/board/old/summary.txt']),
  of('anna', 'done', { act: 'list', path: 'home' }, [
    ...['home/anna/deep/er/letter.txt', 'home/anna/diary.txt', 'home/anna/pub/page.txt', 'home/anna/with-bob/list.txt'],
  ]),
  of('root', 'done', { act: 'list', path: 'home' }, [
    ...['home/anna/deep/er/letter.txt', 'home/anna/diary.txt', 'home/anna/pub/page.txt', 'home/anna/with-bob/list.txt'],
    'home/bob/b.txt',
  ]),
  of('nobody', 'not-allowed', { act: 'list' }),
  of('nobody', 'not-allowed', { act: 'read', path: 'shared.txt' }),
  of('nobody', 'not-allowed', { act: 'create', path: 'new-by-nobody.txt' }),
  of('nobody', 'not-allowed', { act: 'status' }),
  of('nobody', 'not-allowed', { act: 'peers' }),

  of('bob', 'done', { act: 'read', path: 'shared.txt' }),
  of('bob', 'done', { act: 'read', path: 'docs/plan.txt' }),
  of('bob', 'not-found', { act: 'read', path: 'home/anna/diary.txt' }),
  of('bob', 'not-found', { act: 'read', path: 'home/anna/deep/er/letter.txt' }),
  of('bob', 'done', { act: 'read', path: 'home/anna/pub/page.txt' }),
  of('bob', 'not-found', { act: 'read', path: 'docs/board/minutes.txt' }),
  of('anna', 'done', { act: 'read', path: 'docs/board/minutes.txt' }),
  of('bob', 'done', { act: 'read', path: 'docs/board/old/summary.txt' }),
  of('anna', 'not-found', { act: 'read', path: 'home/bob/b.txt' }),
  of('root', 'done', { act: 'read', path: 'home/anna/diary.txt' }),
  of('bob', 'not-found', { act: 'where', path: 'home/anna/diary.txt' }),
  of('bob', 'done', { act: 'where', path: 'home/anna/pub/page.txt' }),
  of('bob', 'not-found', { act: 'history', path: 'home/anna/diary.txt' }),
  of('anna', 'done', { act: 'history', path: 'home/anna/diary.txt' }),
  of('bob', 'not-found', { act: 'rights', path: 'home/anna/diary.txt' }),
  of('bob', 'done', { act: 'rights', path: 'docs/plan.txt' }),

  of('bob', 'not-found', { act: 'create', path: 'home/anna/by-bob.txt' }),
  of('bob', 'not-found', { act: 'create', path: 'HOME/Anna/diary.txt' }),
  of('bob', 'not-found', { act: 'create', path: 'home/carol/by-bob.txt' }),
  of('bob', 'not-allowed', { act: 'create', path: 'home/anna/pub/by-bob.txt' }),
  of('bob', 'done', { act: 'create', path: 'home/anna/with-bob/by-bob.txt' }),
  of('bob', 'not-allowed', { act: 'create', path: 'docs/by-bob.txt' }),
  of('bob', 'not-allowed', { act: 'create', path: 'DOCS/by-bob.txt' }),
  of('bob', 'done', { act: 'create', path: 'docs/drafts/by-bob.txt' }),
  of('bob', 'done', { act: 'create', path: 'new-by-bob.txt' }),
  of('bob', 'not-allowed', { act: 'create', path: 'home' }),
  of('root', 'done', { act: 'create', path: 'home/anna/by-root.txt' }),
  of('bob', 'done', { act: 'overwrite', path: 'to-overwrite.txt' }),
  of('bob', 'not-allowed', { act: 'overwrite', path: 'docs/plan.txt' }),
  of('bob', 'not-found', { act: 'overwrite', path: 'home/anna/diary.txt' }),
  of('bob', 'not-found', { act: 'rename', path: 'shared.txt', to: 'home/anna/taken.txt' }),
  of('bob', 'not-allowed', { act: 'rename', path: 'shared.txt', to: 'docs/taken.txt' }),
  of('bob', 'not-allowed', { act: 'rename', path: 'docs/plan.txt', to: 'home/bob/plan.txt' }),
  of('bob', 'not-found', { act: 'rename', path: 'home/anna/diary.txt', to: 'home/bob/diary.txt' }),
  of('bob', 'done', { act: 'rename', path: 'to-rename.txt', to: 'home/bob/renamed.txt' }),
  of('bob', 'not-found', { act: 'delete', path: 'home/anna/diary.txt' }),
  of('bob', 'not-allowed', { act: 'delete', path: 'home/anna/pub/page.txt' }),
  of('bob', 'done', { act: 'delete', path: 'docs/drafts/to-delete.txt' }),
  of('bob', 'done', { act: 'delete', path: 'to-delete.txt' }),
  of('bob', 'done', { act: 'restore', path: 'to-delete.txt' }),
  of('anna', 'not-allowed', { act: 'restore', path: 'docs/drafts/to-delete.txt' }),

  of('bob', 'not-allowed', { act: 'grant', path: 'shared.txt', who: 'everyone', right: 'read' }),
  of('bob', 'not-allowed', { act: 'grant', path: 'home/anna/with-bob', who: 'everyone', right: 'read' }),
  of('bob', 'not-found', { act: 'grant', path: 'home/anna', who: 'bob', right: 'read' }),
  of('bob', 'done', { act: 'grant', path: 'home/bob/b.txt', who: 'anna', right: 'read' }),
  of('anna', 'done', { act: 'read', path: 'home/bob/b.txt' }),
  of('bob', 'done', { act: 'grant', path: 'home/bob/b.txt', who: 'anna', right: 'none' }),
  of('anna', 'not-found', { act: 'read', path: 'home/bob/b.txt' }),
  of('bob', 'not-allowed', { act: 'invite' }),
  of('bob', 'not-allowed', { act: 'add user' }),
  of('bob', 'not-allowed', { act: 'remove user' }),
  of('bob', 'not-allowed', { act: 'set replicas' }),
  of('bob', 'done', { act: 'users' }),
  of('bob', 'done', { act: 'status' }),
  of('root', 'done', { act: 'invite' }),
];

/** A case in words. */
function wordsOf({ by, what, answer }: RightsCase): string {
  const { act, ...rest } = what;
  return `${by}: ${act} ${Object.values(rest).join(' ')} -> ${answer}`.replace('  ', ' ');
}

/** Tries all cases in their order. `attempt`: what went otherwise than its case says; undefined: nothing. Gives all that did. */
export async function wrongCases(attempt: (one: RightsCase) => Promise<string | undefined>): Promise<string[]> {
  const wrong: string[] = [];
  for (const one of RIGHTS_CASES) {
    const fault = await attempt(one);
    if (fault !== undefined) wrong.push(`${wordsOf(one)}: ${fault}`);
  }
  return wrong;
}

/** What is wrong about the paths that were seen, where a case says which; undefined: nothing. */
export function sightFault({ sees }: RightsCase, seen: () => readonly string[]): string | undefined {
  if (sees === undefined) return undefined;
  const paths = seen();
  return paths.join() === sees.join() ? undefined : `saw ${paths.join(' ')}`;
}
