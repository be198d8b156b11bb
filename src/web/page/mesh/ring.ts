/** Where the peers of the map stand: on a ring, the same ones always at the same place, so that the eye finds them again. */

export interface Spot {
  readonly x: number;
  readonly y: number;
}

/** Of a map of this width and height. */
export const MAP_WIDTH = 640;
export const MAP_HEIGHT = 420;
/** Room for a peer and its name at every edge. */
const EDGE = 84;

/** One spot for each of `count` peers, in order, from the top clockwise. */
export function ringSpots(count: number): Spot[] {
  const [middleX, middleY] = [MAP_WIDTH / 2, MAP_HEIGHT / 2 - 8];
  if (count === 1) return [{ x: middleX, y: middleY }];
  const [radiusX, radiusY] = [MAP_WIDTH / 2 - EDGE, MAP_HEIGHT / 2 - EDGE * 0.8];
  // Two stand side by side, not above each other.
  const turn = count === 2 ? Math.PI : -Math.PI / 2;
  // An odd ring reaches less far down than up.
  const sink = count % 2 === 1 ? (radiusY * (1 - Math.cos(Math.PI / count))) / 2 : 0;
  return Array.from({ length: count }, (_, index) => {
    const angle = turn + (2 * Math.PI * index) / count;
    return { x: middleX + radiusX * Math.cos(angle), y: middleY + sink + radiusY * Math.sin(angle) };
  });
}

/** How large a peer is drawn, so that neighbours do not touch. */
export function peerRadius(count: number): number {
  return Math.max(8, Math.min(30, 150 / Math.max(1, count - 1)));
}

/** The arc of a circle of radius 1 that a share (0 to 1) fills, from the top clockwise: the data of an SVG path. */
export function shareArc(share: number): string {
  const part = Math.max(0, Math.min(0.9999, share));
  if (part === 0) return '';
  const angle = 2 * Math.PI * part;
  return `M0 -1A1 1 0 ${part > 0.5 ? 1 : 0} 1 ${Math.sin(angle).toFixed(3)} ${(-Math.cos(angle)).toFixed(3)}`;
}
