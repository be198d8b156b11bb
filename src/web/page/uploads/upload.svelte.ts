import { ApiError, wordsOf } from '../api.ts';
import type { Unfinished } from '../handover.ts';
import { begunUpload, forgetUpload, keptBytes, sendRest } from './tus.ts';

/**
 * `waiting` for its turn · `sending` · `storing`: all is sent, the copies are made · `paused` by the person · `lost`: the peer
 * went away, it goes on by itself · `fileless`: the page was left meanwhile, the file has to be chosen again · `failed` ·
 * `done`.
 */
export type UploadState = 'waiting' | 'sending' | 'storing' | 'paused' | 'lost' | 'fileless' | 'failed' | 'done';

/** The peer has not let go of the part before: it is asked again so often, after so long. */
const BUSY_TRIES_MAX = 10;
const BUSY_MS = 700;
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
  /** Why it failed. */
  message = $state('');
  #marks: { readonly atMs: number; readonly sent: number }[] = [];
  #stop: AbortController | undefined;

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
    this.state = 'fileless';
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
    const { file } = this;
    if (file === undefined) {
      this.state = 'fileless';
      return;
    }
    const stop = new AbortController();
    this.#stop = stop;
    this.state = 'sending';
    this.#marks = [];
    try {
      for (let tries = 1; ; tries += 1) {
        try {
          await this.#send(file, stop.signal);
          break;
        } catch (thrown) {
          if (!isBusy(thrown) || tries >= BUSY_TRIES_MAX) throw thrown;
        }
        await new Promise((resolve) => setTimeout(resolve, BUSY_MS));
        if (stop.signal.aborted) return;
      }
      this.state = 'done';
    } catch (thrown) {
      if (stop.signal.aborted) return;
      this.#failed(thrown);
    } finally {
      this.rate = 0;
    }
  }

  pause(): void {
    this.#stop?.abort();
    this.state = 'paused';
  }

  /** Gives it up; what the peer has of it is forgotten. */
  async cancel(): Promise<void> {
    this.#stop?.abort();
    if (this.url !== undefined && this.state !== 'done') await forgetUpload(this.url);
  }

  async #send(file: File, signal: AbortSignal): Promise<void> {
    const kept = this.url === undefined ? undefined : await keptBytes(this.url, signal);
    if (kept === undefined) this.url = await begunUpload(this.path, file, signal);
    this.#progress(kept ?? 0);
    await sendRest(this.url ?? '', file, kept ?? 0, (sent) => this.#progress(sent), signal);
  }

  #progress(sent: number): void {
    const atMs = performance.now();
    this.#marks = [...this.#marks.filter((mark) => atMs - mark.atMs < RATE_MS), { atMs, sent }];
    const first = this.#marks[0];
    if (first !== undefined && atMs > first.atMs) this.rate = ((sent - first.sent) * 1000) / (atMs - first.atMs);
    this.sent = Math.min(sent, this.size);
    if (this.sent === this.size && this.state === 'sending') this.state = 'storing';
  }

  #failed(thrown: unknown): void {
    const isLost = thrown instanceof ApiError && (thrown.status === 0 || thrown.status === 503);
    this.state = isLost ? 'lost' : 'failed';
    this.message = isLost ? '' : wordsOf(thrown);
  }
}

/** A part is on its way still, or the upload stands elsewhere by now: the next look tells where. */
function isBusy(thrown: unknown): boolean {
  return thrown instanceof ApiError && (thrown.status === 423 || (thrown.status === 409 && thrown.code === 'overtaken'));
}
