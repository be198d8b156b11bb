import { ApiError, send, sentence } from '../api.ts';
import { askedMsOf } from '../patience.ts';

/** Uploads that go on where they were cut short (tus 1.0). */

const TUS = { 'tus-resumable': '1.0.0' };

/** Announces an upload; the address under which its bytes are taken. Not to be called off: the peer may have begun it. */
export async function begunUpload(path: string, file: File): Promise<string> {
  const metadata = { path, modified: String(file.lastModified) };
  const words = Object.entries(metadata).map(([name, value]) => `${name} ${base64(value)}`);
  const headers = { ...TUS, 'upload-length': String(file.size), 'upload-metadata': words.join(',') };
  const reply = await send('POST', '/tus/', { headers });
  const address = reply.headers.get('location');
  if (address === null) throw new ApiError('protocol', reply.status, 'The peer took the upload but did not say where.');
  return new URL(address, location.href).pathname;
}

/** How many bytes the peer has of it; undefined: it does not know it (any more). */
export async function keptBytes(url: string, signal: AbortSignal): Promise<number | undefined> {
  try {
    const reply = await send('HEAD', url, { headers: TUS, signal });
    return Number(reply.headers.get('upload-offset') ?? Number.NaN) || 0;
  } catch (thrown) {
    if (thrown instanceof ApiError && (thrown.status === 404 || thrown.status === 410)) return undefined;
    throw thrown;
  }
}

/** Tells the peer to forget it. */
export async function forgetUpload(url: string): Promise<void> {
  await send('DELETE', url, { headers: TUS }).catch(() => undefined);
}

/**
 * Sends what is missing from `offset` on; resolves when the mesh has stored the file. `sent` is told how many bytes of the
 * whole file have left. Rejects with `ApiError`, of status 0 when the peer went away, and with `AbortError` when called off.
 */
export function sendRest(
  url: string,
  file: Blob,
  offset: number,
  sent: (bytes: number) => void,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    // A request of this kind alone tells how far the sending is.
    const request = new XMLHttpRequest();
    const stop = (): void => request.abort();
    request.open('PATCH', url);
    const headers = {
      ...TUS,
      'x-filemesh': '1',
      'upload-offset': String(offset),
      'content-type': 'application/offset+octet-stream',
    };
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => sent(offset + event.loaded);
    request.onload = () => {
      if (request.status >= 200 && request.status < 300) resolve();
      else reject(refusal(request));
    };
    request.onerror = () => reject(new ApiError('unreachable', 0, 'The peer went away.'));
    request.onabort = () => reject(new DOMException('called off', 'AbortError'));
    request.onloadend = () => signal.removeEventListener('abort', stop);
    signal.addEventListener('abort', stop);
    request.send(file.slice(offset));
  });
}

function refusal(request: XMLHttpRequest): ApiError {
  const pauseMs = askedMsOf(request.getResponseHeader('retry-after'));
  try {
    const { error } = JSON.parse(request.responseText) as { error: { code: string; message: string } };
    return new ApiError(error.code, request.status, sentence(error.message), pauseMs);
  } catch {
    return new ApiError('failed', request.status, `The peer answered with ${request.status}.`, pauseMs);
  }
}

/** Of the bytes of its UTF-8. */
function base64(text: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}
