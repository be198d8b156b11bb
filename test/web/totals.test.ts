import { afterAll, beforeAll, expect, test } from 'vitest';
import { PeersHere } from '../cli/peers-here.ts';
import { until } from '../faults/process.ts';

/** What is hidden from somebody does not show in any sum, and not by what it was before. */

const here = new PeersHere();
const PASSWORDS = { root: 'correct horse battery', anna: 'violet candle of anna', bob: 'a bridge made by bob' };
type Asker = keyof typeof PASSWORDS;
let url = '';

function ask(by: Asker | undefined, path: string, options: RequestInit = {}): Promise<Response> {
  const basic = by === undefined ? {} : { authorization: `Basic ${Buffer.from(`${by}:${PASSWORDS[by]}`).toString('base64')}` };
  return fetch(`${url}${path}`, { ...options, headers: { ...basic, ...(options.headers as Record<string, string>) } });
}

beforeAll(async () => {
  url = String((await here.up('alpha')).http);
  for (const [index, [name, password]] of Object.entries(PASSWORDS).entries()) {
    const body = JSON.stringify({ name, password });
    const headers = { 'content-type': 'application/json' };
    expect((await ask(index === 0 ? undefined : 'root', '/api/v1/users', { method: 'POST', headers, body })).status).toBe(201);
  }
  for (const path of ['home/anna/a.txt', 'home/anna/b.txt', 'shared.txt']) {
    expect((await ask('anna', `/files/${path}`, { method: 'PUT', body: path })).status).toBe(201);
  }
});
afterAll(() => here.end());

/** The first total that a stream of events tells. */
async function filesInEvents(by: Asker): Promise<number> {
  const stop = new AbortController();
  const { body } = await ask(by, '/api/v1/events', { signal: stop.signal });
  let heard = '';
  for await (const text of (body as ReadableStream<Uint8Array<ArrayBuffer>>).pipeThrough(new TextDecoderStream())) {
    heard += text;
    const told = /event: status\ndata: (\{.*\})\n\n/.exec(heard)?.[1];
    if (told !== undefined) {
      stop.abort();
      return (JSON.parse(told) as { files: number }).files;
    }
  }
  throw new Error('the stream ended');
}

const SEEN: [Asker, number][] = [
  ['root', 3],
  ['anna', 3],
  ['bob', 1],
];

test.each(SEEN)(
  '%s is told of %i files, however it is asked',
  async (by, files) => {
    const inStatus = async () => ((await (await ask(by, '/api/v1/status')).json()) as { files: number }).files;
    const inMetrics = async () => Number(/^filemesh_files (\d+)$/m.exec(await (await ask(by, '/metrics')).text())?.[1]);
    await until('the count is of now', async () => (await inStatus()) === files && (await inMetrics()) === files);
    expect(await filesInEvents(by)).toBe(files);
  },
  180_000,
);

test('what Prometheus reads is in its text format, each series with its help and kind', async () => {
  const answer = await ask('root', '/metrics');
  expect(answer.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
  const text = await answer.text();
  expect(text.endsWith('\n')).toBe(true);
  let [helped, typed] = ['', ''];
  const sampled = new Set<string>();
  for (const line of text.slice(0, -1).split('\n')) {
    const [, word, name = ''] = /^# (HELP|TYPE) (\w+) (?:\S.*)$/.exec(line) ?? [];
    if (word === 'HELP') helped = name;
    else if (word === 'TYPE') {
      expect(line).toMatch(/ (gauge|counter)$/);
      expect(name).toBe(helped);
      typed = name;
    } else {
      const [, series = ''] = /^(\w+)(?:\{\w+="[^"]*"\})? [-+.e\d]+$/.exec(line) ?? [];
      expect(series, line).toBe(typed);
      sampled.add(series);
    }
  }
  expect([...sampled]).toEqual(
    expect.arrayContaining(['filemesh_files', 'filemesh_peer_up', 'filemesh_peer_bytes', 'filemesh_peer_capacity_bytes']),
  );
});

test('an older content is theirs alone who may read the path', async () => {
  const versions = async (by: Asker) => {
    const { files } = (await (await ask(by, '/api/v1/history?path=home/anna/a.txt')).json()) as {
      files: { versions: { version: string }[] }[];
    };
    return files[0]?.versions.map(({ version }) => version) ?? [];
  };
  expect((await ask('anna', '/files/home/anna/a.txt', { method: 'PUT', body: 'newer' })).status).toBe(200);
  const [, older = ''] = await versions('anna');
  expect(await (await ask('anna', `/files/home/anna/a.txt?version=${older}`)).text()).toBe('home/anna/a.txt');
  expect((await ask('bob', `/files/home/anna/a.txt?version=${older}`)).status).toBe(404);
  expect((await ask('bob', `/files/shared.txt?version=${older}`)).status).toBe(404);
});
