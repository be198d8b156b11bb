import { asMeshError, type ErrorCode, MeshError } from '../core/errors.ts';
import { quote } from '../core/path.ts';
import type { Ask, CallName } from '../wire/calls.ts';
import type { Answer, CallOptions, Link } from '../wire/link.ts';

/** What an answered error means for the user. Only codes cross the wire, so the words are made here. */
const WORDS: Partial<Record<ErrorCode, (name: string) => string>> = {
  'not-found': (name) => `there is no ${name} in the mesh; "filemesh show" lists what there is`,
  exists: (name) => `${name} is taken: by a file, by a folder, or by a name that differs in case only; choose another name`,
  overtaken: (name) => `another version of ${name} came in between, so nothing was stored; look at it, then try again`,
  conflict: (name) => `${name} has several versions; "filemesh resolve" ends that`,
  unavailable: (name) => `no holder of ${name} is in reach; "filemesh where" tells who has it`,
  gone: (name) => `${name} is not where it was said to be; try again`,
  corrupt: (name) => `the bytes of ${name} came damaged; try again`,
  busy: (name) => `${name} is being changed by somebody else, or too much is on its way at once; try again in a moment`,
  full: (name) => `no peer has room for ${name}; add a peer, or raise --capacity of one`,
  paused: () => 'the peer does not believe its folder; "filemesh status" tells why, and what to do',
  'bad-place': (name) => `no peer's disk can hold a file named ${name}`,
  usage: (name) => `that cannot be done with ${name} any more: it changed meanwhile; look at it, then try again`,
  'bad-name': (name) => `the name ${name} cannot be kept`,
  changed: (name) => `${name} changed while it was read; try again`,
  'not-allowed': () => 'the mesh does not allow this client to do that',
  protocol: () => 'the peer and this client do not understand each other; update the older one',
  failed: (name) => `the peer failed at ${name}; its log tells why`,
};

/** One call at one peer; an error it answers carries words for the user. `subject`: the name it is about. */
export async function ask<N extends CallName>(
  link: Link,
  name: N,
  body: Ask<N>,
  options: CallOptions & { readonly subject?: string | undefined } = {},
): Promise<Answer<N>> {
  const { subject, ...rest } = options;
  try {
    return await link.call(name, body, rest);
  } catch (thrown) {
    throw inWords(asMeshError(thrown), subject === undefined ? `"${name}"` : quote(subject));
  }
}

function inWords(error: MeshError, name: string): MeshError {
  const words = WORDS[error.code];
  return words === undefined ? error : new MeshError(error.code, words(name), { cause: error });
}
