import { describe, expect, it } from 'vitest';
import { remove, rename, resolve } from '../../src/client/verbs/changes.ts';
import type { RequestId } from '../../src/core/ids.ts';
import { checkPath } from '../../src/core/path.ts';
import { codeOf, createText, listed, putText, seen, startStory } from './story.ts';

describe('a change by a client', () => {
  it('is told when it has its copies, and is seen by every client', async () => {
    const { mesh, sessions } = await startStory('create', { clients: 3 });
    const [first, , third] = sessions;
    if (first === undefined || third === undefined) throw new Error('three clients');
    const made = await mesh.settle(createText(first, 'a.txt', 'one'));
    expect(made).toMatchObject({ path: 'a.txt', copies: 2, wanted: 2 });
    const entry = await mesh.settle(seen(third, 'a.txt'));
    expect(entry?.contents[0]).toMatchObject({ size: 3, copies: 2 });
  });

  it('refuses to create what exists anywhere, a case-twin, a folder, and what lies below a file', async () => {
    const { mesh, sessions } = await startStory('refused', { clients: 2 });
    const [first, second] = sessions;
    if (first === undefined || second === undefined) throw new Error('two clients');
    await mesh.settle(createText(first, 'Dir/a.txt', 'one'));
    for (const path of ['Dir/a.txt', 'dir/A.TXT', 'Dir', 'Dir/a.txt/below']) {
      expect(await mesh.settle(codeOf(createText(second, path, 'two'))), path).toBe('exists');
    }
    expect((await mesh.settle(listed(second))).map((entry) => entry.path)).toEqual(['Dir/a.txt']);
  });

  it("refuses to store the file of patterns, which is each machine's own", async () => {
    const { mesh, sessions } = await startStory('patterns', { clients: 1 });
    const [session] = sessions;
    if (session === undefined) throw new Error('a client');
    await mesh.settle(createText(session, 'a', '*'));
    const base = (await mesh.settle(seen(session, 'a')))?.base ?? [];
    for (const name of ['.filemeshignore', '.FILEMESHIGNORE']) {
      expect(await mesh.settle(codeOf(createText(session, name, '*'))), name).toBe('bad-name');
      expect(await mesh.settle(codeOf(putText(session, name, '*'))), name).toBe('bad-name');
      expect(await mesh.settle(codeOf(rename(session, 'a', name, {}))), name).toBe('bad-name');
      // A client of an older program asks the peer all the same.
      const to = checkPath(name);
      const change = { kind: 'rename', path: checkPath('a'), to } as const;
      const ask = { request: 'e'.repeat(32) as RequestId, change, base, hops: 2 };
      expect(await mesh.settle(codeOf(session.call('change', ask))), name).toBe('bad-name');
      const restore = { ...ask, change: { kind: 'restore', path: to, copy: 'x' } as const, base: [] };
      expect(await mesh.settle(codeOf(session.call('change', restore))), name).toBe('bad-name');
    }
    await mesh.settle(createText(session, 'docs/.filemeshignore', '*'));
    expect((await mesh.settle(listed(session))).map((entry) => entry.path)).toEqual(['a', 'docs/.filemeshignore']);
  });

  it('lets one of two clients win who create one name through two peers in the same millisecond', async () => {
    for (let seed = 1; seed <= 8; seed++) {
      const { mesh, sessions } = await startStory(`race ${seed}`, { clients: 3 });
      const codes = await mesh.settle(
        Promise.all(sessions.map((session, index) => codeOf(createText(session, 'same', `text ${index}`)))),
      );
      expect(codes.filter((code) => code === undefined)).toHaveLength(1);
      expect(codes.filter((code) => code === 'exists')).toHaveLength(2);
      const entries = await mesh.settle(listed(sessions[0] as (typeof sessions)[0]));
      expect(entries[0]?.contents).toHaveLength(1);
    }
  });

  it('lets one of two edits of the same version win, and tells the other that it was overtaken', async () => {
    const { mesh, sessions } = await startStory('edits', { clients: 3 });
    const [first] = sessions;
    if (first === undefined) throw new Error('clients');
    await mesh.settle(createText(first, 'a', 'base'));
    const codes = await mesh.settle(
      Promise.all(sessions.map((session, index) => codeOf(putText(session, 'a', `edit ${index}`)))),
    );
    expect(codes.filter((code) => code === undefined).length).toBeGreaterThanOrEqual(1);
    expect(codes.filter((code) => code !== undefined && code !== 'overtaken')).toEqual([]);
    expect((await mesh.settle(seen(first, 'a')))?.contents).toHaveLength(1);
  });

  it('is carried out once when it is asked for again through another peer', async () => {
    const { mesh, sessions } = await startStory('replay', { clients: 2 });
    const [first, second] = sessions;
    if (first === undefined || second === undefined) throw new Error('two clients');
    await mesh.settle(createText(first, 'a', 'one'));
    const entry = await mesh.settle(seen(first, 'a'));
    const request = 'd'.repeat(32) as RequestId;
    const ask = { request, change: { kind: 'delete', path: checkPath('a') } as const, base: entry?.base ?? [], hops: 2 };
    const once = await mesh.settle(first.call('change', ask));
    await mesh.settle(createText(first, 'a', 'made anew'));
    const again = await mesh.settle(second.call('change', ask));
    // The name was made anew after the delete: the replay is answered, and does not bury what came later.
    expect(again.reply.done[0]?.path).toBe(once.reply.done[0]?.path);
    expect((await mesh.settle(seen(second, 'a')))?.contents[0]?.size).toBe('made anew'.length);
  });

  it('renames in one step: never both names, never none, and the bytes do not travel', async () => {
    const { mesh, sessions } = await startStory('rename', { clients: 1 });
    const [session] = sessions;
    if (session === undefined) throw new Error('a client');
    await mesh.settle(createText(session, 'old', 'content'));
    const before = (await mesh.settle(seen(session, 'old')))?.contents[0]?.holders.map((holder) => holder.id);
    await mesh.settle(rename(session, 'old', 'folder/new', {}));
    expect((await mesh.settle(listed(session))).map((entry) => entry.path)).toEqual(['folder/new']);
    await mesh.until('both holders have the new name', async () => {
      const entry = await mesh.settle(seen(session, 'folder/new'));
      return entry?.contents[0]?.copies === 2;
    });
    const after = (await mesh.settle(seen(session, 'folder/new')))?.contents[0]?.holders.map((holder) => holder.id);
    expect(after?.toSorted()).toEqual(before?.toSorted());
    expect(await mesh.settle(codeOf(rename(session, 'missing', 'x', {})))).toBe('not-found');
  });

  it('deletes, for good, and tells who asks for the name', async () => {
    const { mesh, sessions } = await startStory('delete', { clients: 1 });
    const [session] = sessions;
    if (session === undefined) throw new Error('a client');
    await mesh.settle(createText(session, 'a', 'content'));
    await mesh.settle(remove(session, 'a', {}));
    expect(await mesh.settle(listed(session))).toEqual([]);
    await mesh.run(30_000);
    for (const machine of mesh.peers)
      expect(machine.node.drive.userList().filter((path) => !path.startsWith('.filemesh'))).toEqual([]);
    expect(await mesh.settle(codeOf(remove(session, 'a', {})))).toBe('not-found');
  });

  it('keeps both of two contents made on two sides of a partition, and resolves them by origin', async () => {
    const { mesh, sessions } = await startStory('partition', { clients: 2 });
    const [first, second] = sessions;
    if (first === undefined || second === undefined) throw new Error('two clients');
    await mesh.settle(Promise.all([first.connect(), second.connect()]));
    mesh.partition([
      ['alpha', 'client1'],
      ['bravo', 'charlie', 'client2'],
    ]);
    await mesh.run(10_000);
    await mesh.settle(createText(first, 'same', 'from the left'));
    await mesh.settle(createText(second, 'same', 'from the right'));
    mesh.partition([['alpha', 'bravo', 'charlie', 'client1', 'client2']]);
    await mesh.until('the conflict is seen from both sides', async () => {
      const entries = await mesh.settle(Promise.all([seen(first, 'same'), seen(second, 'same')]));
      return entries.every((entry) => entry?.contents.length === 2);
    });
    const entry = await mesh.settle(seen(first, 'same'));
    expect(entry?.contents.map((content) => content.shownPath).toSorted()[0]).toMatch(/^same \(\w+\)$/);
    expect(await mesh.settle(codeOf(rename(first, 'same', 'other', {})))).toBe('conflict');
    const kept = entry?.contents.find((content) => content.size === 'from the left'.length);
    await mesh.settle(resolve(second, 'same', kept?.origin, {}));
    await mesh.until('one content is left, on two peers', async () => {
      const now = await mesh.settle(seen(second, 'same'));
      return now?.contents.length === 1 && now.contents[0]?.hash === kept?.hash && (now.contents[0]?.copies ?? 0) >= 2;
    });
  });
});
