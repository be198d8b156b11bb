import type { Session } from '../../client/session.ts';
import type { Incoming, VerbOptions } from '../../client/transfer.ts';
import { readFew } from '../../client/verbs/beginning.ts';
import { MeshError } from '../../core/errors.ts';
import type { FilePath } from '../../core/ids.ts';
import { faultOfPath, isSealedName, quote, SEALED_SUFFIX } from '../../core/path.ts';
import { stanzasOf } from './age-header.ts';
import { WORK_LOG_MAX, workOf } from './age-keys.ts';
import { headOf, type Keys, type Opened, open } from './opening.ts';

/** A sealed content that stays closed. */
export interface Closed {
  /** For people, behind its name: why. */
  readonly reason: string;
}

/** Looks at the heads of what is downloaded, before its bytes come: what can be opened is known then. */
export class Openings {
  readonly #session: Session;
  readonly #keys: Keys;
  readonly #options: Pick<VerbOptions, 'signal'>;

  constructor(session: Session, keys: Keys, options: Pick<VerbOptions, 'signal'>) {
    this.#session = session;
    this.#keys = keys;
    this.#options = options;
  }

  /**
   * Undefined: by its name it is not sealed. Rejects with `not-allowed` when a passphrase was given and is not that of the
   * file, with `corrupt` when somebody changed it.
   */
  async look(path: FilePath, incoming: Incoming): Promise<Opened | Closed | undefined> {
    if (!isSealedName(path)) return undefined;
    const { size, hash } = incoming;
    const content = { path, hash };
    const head = await headOf(size, (offset, length) => readFew(this.#session, content, { offset, length }, this.#options));
    if (head === undefined) return { reason: 'is no file that filemesh can open' };
    if (faultOfPath(openedPath(incoming)) !== undefined) return { reason: 'would have a name that no system keeps' };
    const workLog = workOf(stanzasOf(head.header));
    if (this.#keys.passphrase !== undefined && workLog !== undefined && workLog > WORK_LOG_MAX)
      return { reason: `says that its passphrase takes 2^${workLog} of work, and filemesh does no more than 2^${WORK_LOG_MAX}` };
    const opened = await open(head, size, this.#keys);
    if (opened !== undefined) return opened;
    const isByPassphrase = Buffer.from(head.header).includes('\n-> scrypt ');
    if (!isByPassphrase) return { reason: 'is sealed for others, or for a key that is not here' };
    if (this.#keys.passphrase === undefined) return { reason: 'is sealed with a passphrase, which --passphrase asks for' };
    throw new MeshError('not-allowed', `that is not the passphrase of ${quote(path)}`);
  }
}

/** The name of what is in a sealed file: `a.txt.age` → `a.txt`, in a conflict `a.txt (bravo).age` → `a (bravo).txt`. */
export function openedPath({ path, label }: Incoming): string {
  const opened = path.slice(0, -SEALED_SUFFIX.length);
  const mark = label === undefined ? '' : ` (${label})`;
  if (mark === '' || !opened.endsWith(mark)) return opened;
  const name = opened.slice(0, -mark.length);
  const extension = /(?<=[^/])\.[^./]+$/.exec(name)?.[0] ?? '';
  return `${name.slice(0, name.length - extension.length)}${mark}${extension}`;
}
