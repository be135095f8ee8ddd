import { ContentError } from '../errors.ts'
import { configLimits } from '../limits.ts'

/** Where something stands in a content. Both from 1 on; columns are UTF-16 code units. */
export interface Place {
  readonly line: number
  readonly column: number
}

/** Lines end with LF, CR LF or CR. @param offset in UTF-16 code units, from 0 on */
export function placeAt(content: string, offset: number): Place {
  let [line, begin] = [1, 0]
  for (let at = 0; at < offset; at++) {
    const char = content[at]
    const isEnd = char === '\n' || (char === '\r' && content[at + 1] !== '\n')
    if (!isEnd) continue
    line++
    begin = at + 1
  }
  return { line, column: offset - begin + 1 }
}

/** @throws ContentError always */
export function refuseAt(content: string, offset: number, reason: string): never {
  throw new ContentError(reason, placeAt(content, offset))
}

/** What is said of a content that nests too much. */
export const tooDeep = `must not be nested more than ${configLimits.contentMaxDepth} deep`
