/** End-to-end fields as lines, in the one form in which they are sent on. */

/** Each line is a name, a colon, a space, a value without white space around it, and CRLF (RFC 9112 §5). Immutable. */
export class FieldLines {
  readonly text: string;
  #list: readonly string[] | undefined;

  /** `text` has that form. */
  constructor(text: string) {
    this.text = text;
  }

  /** From name, value, name, value … */
  static of(list: readonly string[]): FieldLines {
    let text = "";
    for (let i = 0; i < list.length; i += 2) text += `${list[i]}: ${list[i + 1]}\r\n`;
    const lines = new FieldLines(text);
    lines.#list = list;
    return lines;
  }

  /** Name, value, name, value … Most heads pass without anybody asking for it. */
  get list(): readonly string[] {
    this.#list ??= readList(this.text);
    return this.#list;
  }
}

function readList(text: string): string[] {
  const list: string[] = [];
  let position = 0;
  while (position < text.length) {
    const colon = text.indexOf(":", position);
    const lineEnd = text.indexOf("\r", colon);
    list.push(text.slice(position, colon), text.slice(colon + 2, lineEnd));
    position = lineEnd + 2;
  }
  return list;
}
