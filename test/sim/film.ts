/** Bytes that look random, so that they are cut into chunks of their own; another seed, others. */
export function film(size: number, seed = 1): string {
  let text = '';
  for (let state = seed; text.length < size; ) {
    state = (state * 48_271) % 2_147_483_647;
    text += state.toString(36);
  }
  return text.slice(0, size);
}
