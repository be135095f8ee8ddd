import { parse, TomlError } from 'smol-toml'
import { ContentError } from '../errors.ts'
import { configLimits } from '../limits.ts'
import { refuseAt, tooDeep } from './place.ts'

/** TOML 1.0. @throws ContentError */
export function checkToml(content: string): void {
  checkDepth(content, parsed(content))
}

function parsed(content: string): object {
  try {
    return parse(content, { maxDepth: configLimits.contentMaxDepth, integersAsBigInt: 'asNeeded' })
  } catch (error) {
    if (!(error instanceof TomlError)) throw error
    // Below its first line it quotes the content.
    const [reason = ''] = error.message.replace(/^Invalid TOML document: /, '').split('\n', 1)
    throw new ContentError(reason, error)
  }
}

interface Level {
  readonly depth: number
  readonly value: unknown
  readonly name: string
  readonly parent: Level | undefined
}

/** Dots between names nest as brackets do, but nothing goes into the depth with the stack: the parser has not looked. */
function checkDepth(content: string, root: object): void {
  const waiting: Level[] = [{ depth: 1, value: root, name: '', parent: undefined }]
  for (let level = waiting.pop(); level !== undefined; level = waiting.pop()) {
    // The document itself is a table that nobody wrote.
    if (level.depth - 1 > configLimits.contentMaxDepth) refuseAt(content, offsetOf(content, level), tooDeep)
    for (const [name, value] of entriesOf(level.value)) {
      if (isStructure(value)) waiting.push({ depth: level.depth + 1, value, name, parent: level })
    }
  }
}

function entriesOf(value: unknown): readonly (readonly [name: string, value: unknown])[] {
  if (Array.isArray(value)) return (value as readonly unknown[]).map((item) => ['', item])
  return Object.entries(value as object)
}

/** Dates are objects as well. */
function isStructure(value: unknown): boolean {
  if (Array.isArray(value)) return true
  return typeof value === 'object' && value !== null && !(value instanceof Date)
}

/** About where a level is written: the first place before which the names that lead to it stand in their order. */
function offsetOf(content: string, level: Level): number {
  const names: string[] = []
  for (let at: Level | undefined = level; at !== undefined; at = at.parent) names.push(at.name)
  let offset = 0
  for (const name of names.reverse()) {
    const found = content.indexOf(name, offset)
    if (found !== -1) offset = found + name.length
  }
  return Math.max(0, offset - level.name.length)
}
