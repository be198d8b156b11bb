import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Home } from '../../src/cli/home.ts';
import { preparePlaces } from '../../src/cli/up-folder.ts';
import type { PeerId } from '../../src/core/ids.ts';

const HOME_LINE = 'home/enjoy-pear-neck-crush-spin-whisper-guilt-eight';
const OTHER_LINE = 'office/abandon-pear-neck-crush-spin-whisper-guilt-eight';
const OTHER_HOME_LINE = 'home/zoo-pear-neck-crush-spin-whisper-guilt-eight';
/** No process has it: above every limit of pids. */
const DEAD_PID = 2 ** 30;

let folder: string;
let home: Home;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fm-cli-home-'));
  home = Home.of({ FILEMESH_HOME: join(folder, 'home') });
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function localPeer(line: string, pid: number): Promise<void> {
  await home.keepLocalPeer(line, { id: 'ab'.repeat(32), folder: '/x', addresses: ['127.0.0.1:1'], pid });
}

describe("the user's configuration folder", () => {
  test('knows nothing at first, and says what to do', async () => {
    await expect(home.choose(undefined)).rejects.toMatchObject({
      code: 'not-allowed',
      message: expect.stringContaining('--join LINE'),
    });
  });

  test('the only mesh is meant; a peer that runs here is dialled first', async () => {
    await home.keepMesh({ line: HOME_LINE, facts: [] });
    await home.keepAddresses(HOME_LINE, ['10.0.0.1:1']);
    await localPeer(HOME_LINE, process.pid);
    const mesh = await home.choose(undefined);
    expect(mesh).toMatchObject({ name: 'home', line: HOME_LINE, runs: true, addresses: ['127.0.0.1:1', '10.0.0.1:1'] });
    expect(await home.addresses(HOME_LINE)).toEqual(mesh.addresses);
    expect(await home.addresses(OTHER_LINE)).toEqual([]);
  });

  test('of several, the one whose peer runs here is meant; else it must be said which', async () => {
    await home.keepMesh({ line: HOME_LINE, facts: [] });
    await home.keepMesh({ line: OTHER_LINE, facts: [] });
    await localPeer(HOME_LINE, DEAD_PID);
    await expect(home.choose(undefined)).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringMatching(/--mesh: .*(home\+|office\+)/),
    });
    expect((await home.choose('office')).line).toBe(OTHER_LINE);
    await localPeer(HOME_LINE, process.pid);
    expect((await home.choose(undefined)).line).toBe(HOME_LINE);
    await expect(home.choose('nope')).rejects.toMatchObject({ code: 'not-allowed' });
  });

  test('two meshes of one name are told apart by their ids', async () => {
    await home.keepMesh({ line: HOME_LINE, facts: [] });
    await home.keepMesh({ line: OTHER_HOME_LINE, facts: [] });
    await expect(home.choose('home')).rejects.toMatchObject({ code: 'usage' });
    const [first] = await home.meshes();
    expect((await home.choose(`home+${first?.id}`)).id).toBe(first?.id);
  });

  test('the join line is private, and a damaged file is as none', async () => {
    await home.keepMesh({ line: HOME_LINE, facts: [] });
    const [mesh] = await home.meshes();
    const file = join(home.directory, 'meshes', mesh?.id ?? '', 'mesh.json');
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    await writeFile(file, '{"line": 3');
    expect(await home.meshes()).toEqual([]);
  });

  test('what one program learned of removals no other one forgets', async () => {
    const removal = { kind: 'removal' as const, id: 'cd'.repeat(32) as PeerId, generation: 2, members: [] };
    await home.keepMesh({ line: HOME_LINE, facts: [removal] });
    await home.keepMesh({ line: HOME_LINE, facts: [] });
    expect((await home.choose(undefined)).facts).toEqual([removal]);
  });

  test('that cannot be a folder is told in words, before and when it is written', async () => {
    const file = join(folder, 'file');
    await writeFile(file, 'x');
    for (const named of [file, join(file, 'below')]) {
      const bad = Home.of({ FILEMESH_HOME: named });
      const words = expect.stringMatching(/^the folder ".*cannot be used .*should be a folder.*FILEMESH_HOME/);
      await expect(bad.check()).rejects.toMatchObject({ code: 'usage', message: words });
      await expect(bad.keepFolder('/x', 'ab'.repeat(32))).rejects.toMatchObject({ code: 'failed', message: words });
    }
    await home.check();
    await expect(stat(home.directory)).rejects.toThrow();
    await home.keepMesh({ line: HOME_LINE, facts: [] });
    await home.check();
  });

  test('many writers at once leave a whole file', async () => {
    const many = Array.from({ length: 20 }, (_, index) => home.keepAddresses(HOME_LINE, [`10.0.0.${index}:1`]));
    await Promise.all([...many, home.keepMesh({ line: HOME_LINE, facts: [] })]);
    expect((await home.meshes())[0]?.addresses).toHaveLength(1);
  });
});

describe('the folder of a peer', () => {
  test('is made when it is missing, with a place for what is its own', async () => {
    const places = await preparePlaces(join(folder, 'a', 'b'), home, false);
    expect((await stat(join(places.folder, '.filemesh'))).mode & 0o777).toBe(0o700);
  });

  test.each(['/', process.env.HOME ?? '/', `${process.env.HOME}/./`])('%s is refused', async (whole) => {
    await expect(preparePlaces(whole, home, true)).rejects.toMatchObject({ code: 'usage' });
  });

  test("in another peer's folder is refused, and nothing is made in it", async () => {
    const outer = join(folder, 'outer');
    await preparePlaces(outer, home, false);
    await writeFile(join(outer, '.filemesh', 'marker'), '{}');
    const inner = join(outer, 'deep', 'inner');
    await expect(preparePlaces(inner, home, true)).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringContaining('another peer'),
    });
    await expect(stat(join(outer, 'deep'))).rejects.toThrow();
    expect((await preparePlaces(outer, home, false)).folder).toBe(outer);
  });

  test('with that of another peer in it is refused, as long as it is one', async () => {
    const outer = join(folder, 'outer');
    const { folder: inner } = await preparePlaces(join(outer, 'deep', 'inner'), home, false);
    await home.keepFolder(inner, 'ab'.repeat(32));
    const marker = join(inner, '.filemesh', 'marker');
    await writeFile(marker, '{}');
    const refused = { code: 'usage', message: expect.stringContaining('another peer shares already') };
    await expect(preparePlaces(outer, home, false)).rejects.toMatchObject(refused);
    await expect(stat(join(outer, '.filemesh'))).rejects.toThrow();
    // One whose name only begins the same, and the folder itself again.
    await preparePlaces(join(folder, 'out'), home, false);
    await preparePlaces(inner, home, true);
    await rm(marker);
    await preparePlaces(outer, home, false);
  });

  test('that lost its identity is refused, naming --new, and nothing is made in it', async () => {
    const mount = join(folder, 'mount');
    const { folder: real } = await preparePlaces(mount, home, false);
    await home.keepFolder(real, 'ab'.repeat(32));
    await rm(mount, { recursive: true });
    await expect(preparePlaces(mount, home, false)).rejects.toMatchObject({
      code: 'failed',
      message: expect.stringContaining('--new'),
    });
    await expect(stat(mount)).rejects.toThrow();
    expect((await preparePlaces(mount, home, true)).folder).toBe(real);
  });
});
