import type { Unfinished } from '../handover.ts';
import { notices } from '../notices.svelte.ts';
import { nameOf } from '../paths.ts';
import { KEPT_MAX, keepUploads, takeLeftUploads } from './kept.ts';
import { Upload } from './upload.svelte.ts';

/** Everything on its way from this page into the mesh. */

/** Sent at the same time: more only take turns on one wire. */
const AT_ONCE_MAX = 3;
/** Files of one visit: a list of more would be a program's task. */
const UPLOADS_MAX = 20_000;
/** What is on its way is written down so soon after a change, and when the page is left. */
const KEEP_MS = 300;

/** A file and where it goes. */
export interface Dropped {
  readonly path: string;
  readonly file: File;
}

class Uploads {
  list = $state.raw<readonly Upload[]>([]);
  unfinished = $derived(this.list.filter((upload) => !upload.isOver));
  readonly #running = new Set<Upload>();
  #keeping: ReturnType<typeof setTimeout> | undefined;
  /** Whose they are: the name of an account, empty where there are none; undefined: nobody is here yet. */
  #user: string | undefined;

  constructor() {
    addEventListener('pagehide', () => this.#keep());
  }

  /** Somebody is here: shows what of theirs was cut short when a page was left, and nothing of who was here before. */
  recall(user: string): void {
    if (this.#user === user) return;
    const isOther = this.#user !== undefined && this.#user !== '';
    if (isOther) {
      this.#keep();
      for (const upload of this.list) upload.pause();
      this.#running.clear();
    }
    this.#user = user;
    this.list = isOther ? [] : this.list;
    const isHere = () => this.#user === user;
    takeLeftUploads(user, isHere, (left) => this.#recalled(left));
  }

  /** What was cut short at another page. */
  takeOver(handed: readonly Unfinished[]): void {
    const paths = new Set(this.list.map(({ path }) => path));
    this.#recalled(handed.filter(({ path }) => !paths.has(path)));
  }

  add(dropped: readonly Dropped[]): void {
    const room = UPLOADS_MAX - this.list.length;
    if (dropped.length > room)
      notices.warn(`These are too many files for a page: the first ${room} are taken. Use the command line for the rest.`);
    const news: Upload[] = [];
    for (const { path, file } of dropped.slice(0, room)) {
      const known = this.list.find((upload) => upload.path === path && !upload.isOver);
      if (known?.isOf(file)) this.#goOnWith(known, file);
      else news.push(new Upload(path, file));
    }
    this.#giveUpFailed(({ path }) => news.some((upload) => upload.path === path));
    this.list = [...this.list.filter((upload) => upload.state !== 'done' || news.length === 0), ...news];
    this.#pump();
  }

  /** The file that an upload was begun with, chosen again. */
  giveFile(upload: Upload, file: File): void {
    if (upload.isOf(file)) this.#goOnWith(upload, file);
    else
      notices.warn(
        `This is not the file that was begun: its size or its date is another. To send it as it is now, drop it anew.`,
      );
  }

  pause(upload: Upload): void {
    upload.pause();
    this.#running.delete(upload);
    this.#pump();
  }

  resume(upload: Upload): void {
    upload.state = 'waiting';
    upload.message = '';
    this.#pump();
  }

  async cancel(upload: Upload): Promise<void> {
    this.list = this.list.filter((other) => other !== upload);
    this.#running.delete(upload);
    await upload.cancel();
    this.#pump();
  }

  clearDone(): void {
    this.#giveUpFailed(() => true);
    this.list = this.list.filter((upload) => !upload.isOver);
    this.#keep();
  }

  /** The peer is back. */
  goOn(): void {
    for (const upload of this.list) upload.goOn();
  }

  /** Those that nobody tries again any more: the peer forgets what it has of them. */
  #giveUpFailed(isMeant: (upload: Upload) => boolean): void {
    const failed = this.list.filter((upload) => upload.state === 'failed' && isMeant(upload));
    for (const upload of failed) void upload.cancel();
    this.list = this.list.filter((upload) => !failed.includes(upload));
  }

  #recalled(items: readonly Unfinished[]): void {
    this.list = [...this.list, ...items.map((item) => new Upload(item.path, item))];
    this.#keep();
    this.#pump();
  }

  #goOnWith(upload: Upload, file: File): void {
    // One that was sent wholly, as far as this page knows, may need it yet.
    upload.file ??= file;
    if (upload.state === 'fileless') this.resume(upload);
  }

  #pump(): void {
    for (const upload of this.list) {
      if (this.#running.size >= AT_ONCE_MAX) break;
      if (upload.state === 'waiting' && !this.#running.has(upload)) void this.#run(upload);
    }
    this.#keepSoon();
  }

  async #run(upload: Upload): Promise<void> {
    this.#running.add(upload);
    await upload.run();
    this.#running.delete(upload);
    if (upload.state === 'failed') notices.warn(`${nameOf(upload.path)} was not stored: ${upload.message}`);
    this.#pump();
  }

  /** Of many that end one after the other, not all are written down each time. */
  #keepSoon(): void {
    this.#keeping ??= setTimeout(() => this.#keep(), KEEP_MS);
  }

  #keep(): void {
    clearTimeout(this.#keeping);
    this.#keeping = undefined;
    if (this.#user === undefined) return;
    // First those of which the peer has something: nobody else could tell it to forget them.
    const kept = this.list
      .filter((upload) => !upload.isOver || (upload.state === 'failed' && upload.url !== undefined))
      .sort((one, other) => Number(other.url !== undefined) - Number(one.url !== undefined))
      .slice(0, KEPT_MAX)
      .map(({ path, size, modified, url, sent }) => ({ path, size, modified, url, sent }));
    keepUploads(this.#user, kept);
  }
}

export const uploads = new Uploads();
