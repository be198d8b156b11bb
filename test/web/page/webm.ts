/** Films in the container of browsers (WebM: Matroska, RFC 9559), with an index, so that one can seek in them. */

export interface Frame {
  readonly ms: number;
  /** It needs none before it. */
  readonly isKey: boolean;
  readonly bytes: Buffer;
}

/** VP8 frames as a file. The first one is a key frame; each key frame begins a cluster, which is what the index leads to. */
export function webm(frames: readonly Frame[], film: { width: number; height: number; ms: number }): Buffer {
  const clusters: Frame[][] = [];
  for (const frame of frames) {
    if (frame.isKey) clusters.push([]);
    clusters.at(-1)?.push(frame);
  }
  const bodies = clusters.map(cluster);
  const info = element(
    '1549a966',
    integer('2ad7b1', 1_000_000),
    float('4489', film.ms),
    text('4d80', 'test'),
    text('5741', 'test'),
  );
  const video = element('e0', integer('b0', film.width), integer('ba', film.height));
  const track = element('ae', integer('d7', 1), integer('73c5', 1), integer('83', 1), text('86', 'V_VP8'), video);
  const head = Buffer.concat([info, element('1654ae6b', track)]);
  // All numbers take eight bytes, so it is as long whatever the places are.
  const length = head.length + index(clusters, bodies, 0).length;
  const header = [text('4282', 'webm'), integer('4287', 2), integer('4285', 2)];
  return Buffer.concat([element('1a45dfa3', ...header), element('18538067', head, index(clusters, bodies, length), ...bodies)]);
}

/** `start`: where the first cluster begins in its segment. */
function index(clusters: readonly Frame[][], bodies: readonly Buffer[], start: number): Buffer {
  let place = start;
  const points = clusters.map((frames, at) => {
    const point = element('bb', integer('b3', frames[0]?.ms ?? 0), element('b7', integer('f7', 1), integer('f1', place)));
    place += bodies[at]?.length ?? 0;
    return point;
  });
  return element('1c53bb6b', ...points);
}

function cluster(frames: readonly Frame[]): Buffer {
  const first = frames[0]?.ms ?? 0;
  const blocks = frames.map(({ ms, isKey, bytes }) => {
    const head = Buffer.from([0x81, 0, 0, isKey ? 0x80 : 0]);
    head.writeInt16BE(ms - first, 1);
    return element('a3', head, bytes);
  });
  return element('1f43b675', integer('e7', first), ...blocks);
}

function element(id: string, ...parts: Buffer[]): Buffer {
  const size = Buffer.alloc(8);
  size.writeBigUInt64BE(BigInt(parts.reduce((sum, part) => sum + part.length, 0)) | (1n << 56n));
  return Buffer.concat([Buffer.from(id, 'hex'), size, ...parts]);
}

function integer(id: string, value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return element(id, bytes);
}

function float(id: string, value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleBE(value);
  return element(id, bytes);
}

function text(id: string, value: string): Buffer {
  return element(id, Buffer.from(value));
}
