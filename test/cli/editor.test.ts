import { describe, expect, it } from 'vitest';
import { shellWords } from '../../src/cli/editor.ts';

describe('the editor', () => {
  it('is started by the shell of the system, the file a word of its own', () => {
    expect(shellWords('code --wait', '/tmp/a b', 'linux')).toEqual(['/bin/sh', '-c', 'code --wait "$1"', 'editor', '/tmp/a b']);
    const [shell, ...words] = shellWords('code --wait', 'C:\\a b', 'win32');
    expect(shell).toMatch(/cmd/);
    expect(words).toEqual(['/d', '/s', '/c', '"code --wait "C:\\a b""']);
  });
});
