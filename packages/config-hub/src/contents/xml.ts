import { contentMaxDepth } from './content-limits.js'
import { refuseAt, tooDeep } from './fault.js'
import { illegalChar } from './xml-parts.ts'
import { checkInstruction, readDoctype, readDoctypeEnd } from './xml-prolog.ts'
import { checkReferences, noSuchChar, readEndTag, readStartTag } from './xml-tag.ts'

/**
 * Well-formed XML 1.0. A DOCTYPE may be there; what it declares is neither checked nor fetched, and no entity is ever expanded.
 *
 * @throws ContentFault
 */
export function checkXml(content: string): void {
  const illegal = content.search(illegalChar)
  if (illegal !== -1) refuseAt(content, illegal, noSuchChar)
  new XmlCheck(content).run()
}

/** What is no space in XML. */
const noSpace = /[^ \t\r\n]/

interface OpenElement {
  readonly name: string
  readonly start: number
}

class XmlCheck {
  readonly #content: string
  readonly #open: OpenElement[] = []
  #hasRoot = false
  #hasDoctype = false

  constructor(content: string) {
    this.#content = content
  }

  run(): void {
    const content = this.#content
    let at = content.startsWith('\ufeff') ? 1 : 0
    while (at < content.length) {
      const markup = content.indexOf('<', at)
      this.#checkText(at, markup === -1 ? content.length : markup)
      at = markup === -1 ? content.length : this.#pass(markup)
    }
    const unclosed = this.#open.at(-1)
    if (unclosed !== undefined) this.#refuse(unclosed.start, 'the element does not end')
    if (!this.#hasRoot) this.#refuse(content.length, 'an element is expected')
  }

  #checkText(start: number, end: number): void {
    const text = this.#content.slice(start, end)
    if (this.#open.length === 0) {
      const outside = text.search(noSpace)
      if (outside !== -1) this.#refuse(start + outside, 'text stands in an element')
      return
    }
    const sectionEnd = text.indexOf(']]>')
    if (sectionEnd !== -1) this.#refuse(start + sectionEnd, 'text has no ]]> in it')
    checkReferences(this.#content, { start, end, hasDoctype: this.#hasDoctype })
  }

  /** @returns where the markup ends that begins there */
  #pass(start: number): number {
    const content = this.#content
    if (content.startsWith('</', start)) return this.#passEndTag(start)
    if (content.startsWith('<?', start)) return this.#passInstruction(start)
    if (content.startsWith('<!--', start)) return this.#passComment(start)
    if (content.startsWith('<![CDATA[', start)) {
      if (this.#open.length === 0) this.#refuse(start, 'a CDATA section stands in an element')
      return this.#endOf(']]>', start, start + 9)
    }
    if (content.startsWith('<!DOCTYPE', start)) return this.#passDoctype(start)
    return this.#passStartTag(start)
  }

  #passStartTag(start: number): number {
    if (this.#open.length === 0 && this.#hasRoot) this.#refuse(start, 'there is an element already')
    this.#hasRoot = true
    const { name, end, isEmpty } = readStartTag(this.#content, { start, hasDoctype: this.#hasDoctype })
    if (isEmpty) return end
    this.#open.push({ name, start })
    if (this.#open.length > contentMaxDepth) this.#refuse(start, tooDeep)
    return end
  }

  #passEndTag(start: number): number {
    const { name, end } = readEndTag(this.#content, start)
    if (this.#open.pop()?.name !== name) this.#refuse(start, 'it does not end the element that is open')
    return end
  }

  #passInstruction(start: number): number {
    const end = this.#endOf('?>', start, start + 2)
    const isFirst = start === 0 || (start === 1 && this.#content.startsWith('\ufeff'))
    checkInstruction(this.#content, { start, isFirst })
    return end
  }

  #passComment(start: number): number {
    const end = this.#endOf('--', start, start + 4)
    if (this.#content[end] !== '>') this.#refuse(end - 2, 'a comment has no -- in it')
    return end + 1
  }

  #passDoctype(start: number): number {
    if (this.#hasRoot || this.#hasDoctype) this.#refuse(start, 'one DOCTYPE stands before the element')
    this.#hasDoctype = true
    const at = readDoctype(this.#content, start)
    return readDoctypeEnd(this.#content, this.#content[at] === '[' ? this.#passSubset(at, start) : at)
  }

  /** What a DOCTYPE declares ends where neither a quote, a comment nor an instruction is open. */
  #passSubset(bracket: number, start: number): number {
    for (let at = bracket + 1; at < this.#content.length; at++) {
      const char = this.#content[at]
      if (char === ']') return at + 1
      if (char === '"' || char === "'") at = this.#endOf(char, at, at + 1) - 1
      else if (this.#content.startsWith('<!--', at)) at = this.#passComment(at) - 1
      else if (this.#content.startsWith('<?', at)) at = this.#passInstruction(at) - 1
    }
    return this.#refuse(start, 'what begins here does not end')
  }

  /** @returns what is behind the first such text after `from` */
  #endOf(text: string, start: number, from: number): number {
    const found = this.#content.indexOf(text, from)
    return found === -1 ? this.#refuse(start, 'what begins here does not end') : found + text.length
  }

  #refuse(offset: number, reason: string): never {
    return refuseAt(this.#content, offset, reason)
  }
}
