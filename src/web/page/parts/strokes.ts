/** The drawings of icons as one stroke each, in the language of `d` of an SVG path. */

/** One element of a drawing, as Lucide has them. */
export type IconNode = readonly [tag: string, attributes: Readonly<Record<string, string>>];

/** All elements of a drawing one after the other; throws for what Lucide does not draw with. */
export function strokeOf(nodes: readonly IconNode[]): string {
  return nodes.map(([tag, attributes]) => stroke(tag, attributes)).join('');
}

function stroke(tag: string, attributes: IconNode[1]): string {
  const at = (name: string): number => Number(attributes[name] ?? 0);
  switch (tag) {
    case 'path':
      // Its first step may be told from where it begins: that is nowhere, not where the last one ended.
      return `M0 0${attributes.d}`;
    case 'line':
      return `M${at('x1')} ${at('y1')}L${at('x2')} ${at('y2')}`;
    case 'circle': {
      const r = at('r');
      return `M${at('cx') - r} ${at('cy')}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0z`;
    }
    case 'rect': {
      const r = at('rx');
      const [width, height] = [at('width') - 2 * r, at('height') - 2 * r];
      const turn = (x: number, y: number): string => `a${r} ${r} 0 0 1 ${x} ${y}`;
      const [right, down] = [`h${width}${turn(r, r)}`, `v${height}${turn(-r, r)}`];
      return `M${at('x') + r} ${at('y')}${right}${down}h${-width}${turn(-r, -r)}v${-height}${turn(r, -r)}z`;
    }
    default:
      throw new Error(`an icon has a ${tag}, which is not drawn here`);
  }
}
