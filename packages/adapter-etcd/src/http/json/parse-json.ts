/**
 * A number as it was written. `JSON.parse` would round what does not fit a double, and a lease id does not.
 */
export class JsonNumber {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

/** An object in the order it was written. A map, so that no key means anything to JavaScript. */
export type JsonObject = Map<string, JsonValue>

/** What {@link parseJson} gives. */
export type JsonValue = null | boolean | string | JsonNumber | JsonValue[] | JsonObject

/** Text that is not JSON, or JSON beyond a limit. The message is in the words that etcd uses. */
export class JsonSyntaxError extends Error {
  override readonly name = 'JsonSyntaxError'
}

/** Objects and arrays inside each other that {@link parseJson} follows. */
export const jsonDepthMax = 100

/**
 * Parses the first JSON value of a text. What follows it is ignored, as etcd's gateway ignores it.
 *
 * Differs from `JSON.parse` where a gateway for 64-bit numbers must: numbers stay as written, a key that
 * occurs twice in an object is refused, `__proto__` is a key like any other, and depth is bounded.
 *
 * Source: RFC 8259; messages after Go's encoding/json.
 *
 * @throws JsonSyntaxError
 */
export function parseJson(text: string): JsonValue {
  return new Parser(text).parse()
}

const whitespace = /[ \t\r\n]*/y
const number = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
/** What makes the content of a string differ from its text. */
const special = /[\\\u0000-\u001f]/

class Parser {
  readonly #text: string
  #at = 0
  #depth = 0

  constructor(text: string) {
    this.#text = text
  }

  parse(): JsonValue {
    this.#skipWhitespace()
    return this.#value()
  }

  #value(): JsonValue {
    switch (this.#text[this.#at]) {
      case '{':
        return this.#nested(() => this.#object())
      case '[':
        return this.#nested(() => this.#array())
      case '"':
        return this.#string()
      case 't':
        return this.#literal('true', true)
      case 'f':
        return this.#literal('false', false)
      case 'n':
        return this.#literal('null', null)
      default:
        return this.#number()
    }
  }

  #nested<T>(read: () => T): T {
    if (++this.#depth > jsonDepthMax) throw new JsonSyntaxError('exceeded max depth')
    this.#at += 1
    const value = read()
    this.#depth -= 1
    return value
  }

  #object(): JsonObject {
    const entries = new Map<string, JsonValue>()
    this.#skipWhitespace()
    if (this.#take('}')) return entries
    do {
      this.#skipWhitespace()
      if (this.#text[this.#at] !== '"') throw this.#unexpected('looking for beginning of object key string')
      const key = this.#string()
      if (entries.has(key)) throw new JsonSyntaxError(`duplicate field ${JSON.stringify(key)}`)
      this.#skipWhitespace()
      if (!this.#take(':')) throw this.#unexpected('after object key')
      this.#skipWhitespace()
      entries.set(key, this.#value())
      this.#skipWhitespace()
    } while (this.#take(','))
    if (!this.#take('}')) throw this.#unexpected('after object key:value pair')
    return entries
  }

  #array(): JsonValue[] {
    const elements: JsonValue[] = []
    this.#skipWhitespace()
    if (this.#take(']')) return elements
    do {
      this.#skipWhitespace()
      elements.push(this.#value())
      this.#skipWhitespace()
    } while (this.#take(','))
    if (!this.#take(']')) throw this.#unexpected('after array element')
    return elements
  }

  #string(): string {
    const start = this.#at
    const end = this.#closingQuote(start + 1)
    this.#at = end + 1
    const content = this.#text.slice(start + 1, end)
    if (!special.test(content)) return content
    try {
      return String(JSON.parse(this.#text.slice(start, end + 1)))
    } catch (cause) {
      throw new JsonSyntaxError('invalid character in string literal', { cause })
    }
  }

  /** The next quote behind an even number of backslashes. */
  #closingQuote(from: number): number {
    for (
      let quote = this.#text.indexOf('"', from);
      quote !== -1;
      quote = this.#text.indexOf('"', quote + 1)
    ) {
      let backslashes = 0
      while (quote - backslashes > from && this.#text[quote - backslashes - 1] === '\\') backslashes += 1
      if (backslashes % 2 === 0) return quote
    }
    throw new JsonSyntaxError('unexpected EOF')
  }

  #number(): JsonNumber {
    const text = this.#match(number)
    if (text === undefined) throw this.#unexpected('looking for beginning of value')
    return new JsonNumber(text)
  }

  #literal<T>(word: string, value: T): T {
    if (!this.#text.startsWith(word, this.#at)) throw this.#unexpected(`in literal ${word}`)
    this.#at += word.length
    return value
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at
    const found = pattern.exec(this.#text)?.[0]
    if (found !== undefined) this.#at += found.length
    return found
  }

  #take(character: string): boolean {
    if (this.#text[this.#at] !== character) return false
    this.#at += 1
    return true
  }

  #skipWhitespace(): void {
    const code = this.#text.charCodeAt(this.#at)
    if (code === 32 || (code >= 9 && code <= 13)) this.#match(whitespace)
  }

  #unexpected(where: string): JsonSyntaxError {
    const character = this.#text[this.#at]
    if (character === undefined) return new JsonSyntaxError('unexpected EOF')
    return new JsonSyntaxError(`invalid character '${character}' ${where}`)
  }
}
