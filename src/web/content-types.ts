/** Kinds a browser may show in the page: nothing of them runs. What is not here is saved, not shown. */
const SHOWN: Readonly<Record<string, string>> = {
  png: 'image/png',
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  gif: 'image/gif',
  webp: 'image/webp',
  avif: 'image/avif',
  bmp: 'image/bmp',
  ico: 'image/x-icon',
  mp3: 'audio/mpeg',
  m4a: 'audio/mp4',
  aac: 'audio/aac',
  ogg: 'audio/ogg',
  oga: 'audio/ogg',
  opus: 'audio/ogg',
  wav: 'audio/wav',
  flac: 'audio/flac',
  mp4: 'video/mp4',
  m4v: 'video/mp4',
  webm: 'video/webm',
  ogv: 'video/ogg',
  mov: 'video/quicktime',
  mkv: 'video/x-matroska',
};
const TEXTS = new Set(
  'txt md markdown log csv tsv json jsonl yaml yml toml ini conf cfg xml html htm css js mjs ts tsx jsx svelte vue py rb rs go c h cc cpp hpp java kt swift sh bash zsh fish sql tex srt vtt diff patch gitignore env properties'.split(
    ' ',
  ),
);

/** What a content is told to be, by its name: shown as it is only where that is harmless, and what is written is plain text. */
export function typeOf(path: string): { readonly type: string; readonly isShown: boolean } {
  const name = path.slice(path.lastIndexOf('/') + 1).toLowerCase();
  const extension = name.includes('.') ? name.slice(name.lastIndexOf('.') + 1) : '';
  const shown = SHOWN[extension];
  if (shown !== undefined) return { type: shown, isShown: true };
  // Without an ending it is most likely a text: LICENSE, Makefile.
  if (TEXTS.has(extension) || extension === '') return { type: 'text/plain; charset=utf-8', isShown: true };
  return { type: 'application/octet-stream', isShown: false };
}

/** The header by which a browser saves it under its name (RFC 6266, RFC 8187). */
export function attachmentOf(path: string): string {
  const name = path.slice(path.lastIndexOf('/') + 1);
  const plain = name.replace(/[^\x20-\x7e]|["\\%]/g, '_');
  const escaped = encodeURIComponent(name).replace(/['()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`);
  return `attachment; filename="${plain}"; filename*=UTF-8''${escaped}`;
}
