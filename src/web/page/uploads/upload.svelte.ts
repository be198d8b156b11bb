import { ApiError, api, wordsOf } from '../api.ts';
import type { Unfinished } from '../handover.ts';
import { isPassing, nap, pauseMs } from '../patience.ts';
import { begunUpload, forgetUpload, keptBytes, sendRest } from './tus.ts';

/**
 * `waiting` for its turn · `sending` · `storing`: all is sent, the copies are made · `paused` by the person · `lost`: the peer
 * went away · `later`: the peer has no time for it yet; both are tried again by themselves · `fileless`: the page was left
 * before all was sent, the file has to be chosen again · `failed` · `done`.
 */
export type UploadState = 'waiting' | 'sending' | 'storing' | 'paused' | 'lost' | 'later' | 'fileless' | 'failed' | 'done';

/** How fast it is: of the last so long. */
const RATE_MS = 3_000;

/** One file on its way into the mesh. */
export class Upload {
  readonly path: string;
  readonly size: number;
  readonly modified: number;
  file: File | undefined;
  /** Where the peer takes its bytes. */
  url: string | undefined;
  state = $state<UploadState>('waiting');
  sent = $state(0);
  /** Bytes a second. */
  rate = $state(0);
  /** Why it failed, or is tried again. */
  message = $state('');
  #marks: { readonly atMs: number; readonly sent: number }[] = [];
  #stop: AbortController | undefined;
  /** It is being announced: once, however often it is paused meanwhile. */
  #beginning: Promise<void> | undefined;
  #isGivenUp = false;
  /** How often it was in vain since the peer had more of it. */
  #tries = 0;
  #kept = 0;
  /** Ends the pause before the next try. */
  #wake: () => void = () => undefined;

  constructor(path: string, from: File | (Unfinished & { readonly url?: string | undefined; readonly sent?: number })) {
    this.path = path;
    this.size = from.size;
    if (from instanceof File) {
      this.modified = from.lastModified;
      this.file = from;
      return;
    }
    this.modified = from.modified;
    this.url = from.url;
    this.sent = from.sent ?? 0;
    // Of one that was sent wholly the peer may need no more than to be asked to store it.
    this.state = this.url !== undefined && this.sent === this.size ? 'waiting' : 'fileless';
  }

  get isOver(): boolean {
    return this.state === 'done' || this.state === 'failed';
  }

  /** The very file it was begun with, as far as a browser lets one tell. */
  isOf(file: File): boolean {
    return file.size === this.size && file.lastModified === this.modified;
  }

  /** Sends, or goes on sending. Resolves when it is stored, was paused or cannot go on; never rejects. */
  async run(): Promise<void> {
    const stop = new AbortController();
    this.#stop = stop;
    this.#tries = 0;
    // While it pauses it keeps its turn: of many files, few ask a peer that has no time.
    while (!stop.signal.aborted) {
      this.state = 'sending';
      this.#marks = [];
      try {
        this.state = (await this.#send(stop.signal)) ? 'done' : 'fileless';
        return;
      } catch (thrown) {
        if (stop.signal.aborted) return;
        if (!(thrown instanceof ApiError && isPassing(thrown))) return this.#failed(thrown);
        await this.#pauseAfter(thrown);
      } finally {
        this.rate = 0;
      }
    }
  }

  pause(): void {
    this.#halt();
    this.state = 'paused';
  }

  /** The peer is back: one that waits for it does not wait longer. */
  goOn(): void {
    if (this.state === 'lost') this.#wake();
  }

  /** Gives it up; what the peer has of it is forgotten. */
  async cancel(): Promise<void> {
    this.#isGivenUp = true;
    this.#halt();
    if (this.url !== undefined && this.state !== 'done') await forgetUpload(this.url);
  }

  #halt(): void {
    this.#stop?.abort();
    this.#wake();
  }

  /** False: the peer has not all of it, and there is no file to send the rest of. */
  async #send(signal: AbortSignal): Promise<boolean> {
    const kept = this.url === undefined ? undefined : await keptBytes(this.url, signal);
    // The answer to its last part may have been lost with the page.
    const isStored = this.url !== undefined && kept === undefined && (await this.#isThere());
    signal.throwIfAborted();
    if (isStored) return true;
    // It may have been given meanwhile.
    const { file } = this;
    if (file === undefined && kept !== this.size) {
      this.sent = kept ?? 0;
      return false;
    }
    if (file !== undefined && kept === undefined) await unlessStopped(this.#begin(file), signal);
    // An empty one is stored by that alone.
    if (this.size === 0) return true;
    if (kept !== undefined && kept > this.#kept) this.#tries = 0;
    this.#kept = kept ?? 0;
    this.#progress(kept ?? 0);
    await sendRest(this.url ?? '', file ?? new Blob(), kept ?? 0, (sent) => this.#progress(sent), signal);
    return true;
  }

  /** A file of its path, size and date is there. */
  async #isThere(): Promise<boolean> {
    try {
      const { size, modified, versions = [] } = await api.where(this.path);
      const files = [{ size, modified }, ...versions];
      return files.some((one) => one.size === this.size && Date.parse(one.modified) === this.modified);
    } catch (thrown) {
      if (thrown instanceof ApiError && thrown.status === 404) return false;
      throw thrown;
    }
  }

  /** Were it called off midway, the peer would keep an upload that nobody knows of. */
  #begin(file: File): Promise<void> {
    this.#beginning ??= begunUpload(this.path, file)
      .then(async (url) => {
        if (this.#isGivenUp) await forgetUpload(url);
        else this.url = url;
      })
      .finally(() => {
        this.#beginning = undefined;
      });
    return this.#beginning;
  }

  #progress(sent: number): void {
    const atMs = performance.now();
    this.#marks = [...this.#marks.filter((mark) => atMs - mark.atMs < RATE_MS), { atMs, sent }];
    const first = this.#marks[0];
    if (first !== undefined && atMs > first.atMs) this.rate = ((sent - first.sent) * 1000) / (atMs - first.atMs);
    this.sent = Math.min(sent, this.size);
    if (this.sent === this.size && this.state === 'sending') this.state = 'storing';
  }

  async #pauseAfter(refusal: ApiError): Promise<void> {
    this.#tries += 1;
    this.state = refusal.status === 0 ? 'lost' : 'later';
    this.message = whyLater(refusal);
    const { over, wake } = nap(pauseMs(this.#tries, refusal.pauseMs));
    this.#wake = wake;
    await over;
  }

  #failed(thrown: unknown): void {
    this.state = 'failed';
    this.message = wordsOf(thrown);
    if (this.url === undefined || !isFinal(thrown)) return;
    // What the peer has of it would count against its owner, and nothing could come of it.
    void forgetUpload(this.url);
    this.url = undefined;
  }
}

/** Rejects as soon as the signal says so; the work goes on. */
function unlessStopped(work: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    work.then(resolve, reject);
  });
}

/** The same upload would be refused again: of these words 401 alone ends with a login. */
function isFinal(thrown: unknown): boolean {
  return thrown instanceof ApiError && thrown.status >= 400 && thrown.status < 500 && thrown.status !== 401;
}

function whyLater({ status, code, message }: ApiError): string {
  if (status === 408) return 'The network is slow.';
  if (code === 'overtaken') return 'The peer still waits for a part that was cut off.';
  if (code === 'busy' && status === 503) return 'The peer has no time for it now.';
  return message;
}
