/** Questions to the person: one at a time, in a dialog. */

export interface Question {
  readonly title: string;
  readonly text?: string;
  /** A list under the text, such as the names that would be lost. */
  readonly items?: readonly string[];
  /** Asked for in a field; absent: only yes or no. */
  readonly field?: { readonly label: string; readonly value: string; readonly hint?: string; readonly secret?: boolean };
  /** What the button that goes on says: a verb. */
  readonly yes: string;
  readonly isDangerous?: boolean;
  /** Why the typed text will not do; undefined: it will. */
  readonly fault?: (text: string) => string | undefined;
}

class Questions {
  current = $state<Question | undefined>();
  #answer: ((text: string | undefined) => void) | undefined;

  /** The text typed (empty without a field); undefined: the person thought better of it. */
  ask(question: Question): Promise<string | undefined> {
    this.answer(undefined);
    this.current = question;
    return new Promise((resolve) => {
      this.#answer = resolve;
    });
  }

  answer(text: string | undefined): void {
    this.current = undefined;
    const answer = this.#answer;
    this.#answer = undefined;
    answer?.(text);
  }
}

export const questions = new Questions();
