/** How a file can be looked at, by its name: what the server also gives inline. */

export type Kind = 'image' | 'audio' | 'video' | 'text' | 'other';

const KINDS: Readonly<Record<Exclude<Kind, 'other'>, readonly string[]>> = {
  image: ['png', 'jpg', 'jpeg', 'gif', 'webp', 'avif', 'bmp', 'ico'],
  audio: ['mp3', 'm4a', 'aac', 'ogg', 'oga', 'opus', 'flac', 'wav'],
  video: ['mp4', 'm4v', 'webm', 'ogv', 'mov'],
  text: [
    ...['txt', 'md', 'log', 'csv', 'tsv', 'json', 'yaml', 'yml', 'toml', 'ini', 'conf', 'xml', 'html', 'htm', 'css', 'svg'],
    ...['js', 'mjs', 'cjs', 'ts', 'tsx', 'jsx', 'svelte', 'py', 'rb', 'go', 'rs', 'c', 'h', 'cpp', 'hpp', 'java', 'kt', 'sh'],
    ...['tex', 'bib', 'srt', 'vtt', 'sql', 'diff', 'patch', 'gitignore', 'makefile', 'dockerfile', 'license', 'readme'],
  ],
};

/** Characters of a text that is shown or edited in the page: more belongs into an editor. */
export const TEXT_BYTES_MAX = 1024 * 1024;

export function kindOf(path: string): Kind {
  const name = path.slice(path.lastIndexOf('/') + 1).toLowerCase();
  const end = name.slice(name.lastIndexOf('.') + 1);
  for (const [kind, ends] of Object.entries(KINDS)) if (ends.includes(end)) return kind as Kind;
  return 'other';
}
