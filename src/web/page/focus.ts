/**
 * Where the keys go when what had them is gone: a file that was deleted, a notice that was answered, a form that was sent. Left
 * alone they would begin anew at the top of the page, and a screen reader would say nothing.
 */

/** Marked with `data-focus`: where one goes on in that part of the page. */
const STOPS = '[data-focus]';

/** Watches the page from now on. */
export function keepFocus(): void {
  /** What has the keys, and all that it is in, from the inside out. */
  let place: readonly Element[] = [];
  addEventListener('focusin', ({ target }) => {
    place = placeOf(target as Element);
  });
  new MutationObserver(() => {
    const isLost = place[0]?.isConnected === false && document.activeElement === document.body;
    // Where there is none yet, as in a folder that is just read, it is looked for again with the next change.
    if (isLost) stopAfter(place)?.focus({ preventScroll: true });
  }).observe(document.body, { childList: true, subtree: true });
}

/** Takes the keys as soon as it is there: what `autofocus` does only where nobody else had them. */
export function takeKeys(element: HTMLElement): void {
  element.focus();
}

function placeOf(element: Element): Element[] {
  const place: Element[] = [];
  for (let at: Element | null = element; at !== null && at !== document.body; at = at.parentElement) place.push(at);
  return place;
}

/** The nearest one there still is: in the innermost part that is left, else in the page. */
function stopAfter(lost: readonly Element[]): HTMLElement | null {
  for (const part of lost) {
    if (!part.isConnected) continue;
    const stop = part.matches(STOPS) ? part : part.querySelector(STOPS);
    if (stop !== null) return stop as HTMLElement;
  }
  return null;
}
