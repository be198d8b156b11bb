import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { readJson, writePrivate } from './private-file.ts';

const loginShape = z.object({ user: z.string().max(64), token: z.string().max(256) });

/** Who this user's programs are in one mesh. */
export interface Login {
  readonly user: string;
  readonly token: string;
}

/** The login of one mesh, kept where only its user may read it: whoever has it may do what that account may. */
export class KeptLogin {
  /** Where this user's programs keep what they know of the mesh. */
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  async read(): Promise<Login | undefined> {
    return loginShape.safeParse(await readJson(this.#file)).data;
  }

  async keep(login: Login): Promise<void> {
    await writePrivate(this.#file, JSON.stringify(login));
  }

  async forget(): Promise<void> {
    await rm(this.#file, { force: true });
  }

  get #file(): string {
    return join(this.folder, 'login.json');
  }
}
