import { readFileSync } from 'node:fs'
import { isMap, isNode, isScalar, LineCounter, parseDocument, visit } from 'yaml'
import type { Document } from 'yaml'
import { contradictionOf } from './contradictions.ts'
import { ServerError } from './errors.ts'
import type { OptionName, PartialOptions } from './options.ts'
import { optionsSchema } from './options.ts'

/** What a file says, and where. */
export interface ConfigFile {
  readonly options: PartialOptions
  /** File, line and column of an option, for messages. */
  readonly placeOf: (key: OptionName) => string
}

/**
 * Reads options from a YAML file.
 *
 * @throws ServerError `SERVER_OPTION_INVALID`, naming file, line, column and key
 */
export function readConfigFile(path: string): ConfigFile {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new ServerError('SERVER_OPTION_INVALID', `--config: ${why}`, { cause })
  }
  return parseConfig(text, path)
}

/**
 * {@link readConfigFile} for text that is already read.
 *
 * @param path for messages
 * @throws ServerError `SERVER_OPTION_INVALID`, naming file, line, column and key
 */
export function parseConfig(text: string, path: string): ConfigFile {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, stringKeys: true })
  const place = (offset: number): string => {
    const { line, col } = lines.linePos(offset)
    return `${path}:${String(line)}:${String(col)}`
  }
  const wrong = (offset: number, reason: string): ServerError =>
    new ServerError('SERVER_OPTION_INVALID', `${place(offset)}: ${reason}`)
  const placeOf = (key: OptionName): string => place(offsetOf(pairOf(document, key)?.key))

  const syntax = document.errors[0]
  if (syntax !== undefined) throw wrong(syntax.pos[0], syntax.message)
  visit(document, {
    Alias: (_key, alias) => {
      throw wrong(offsetOf(alias), 'an alias has no place here')
    },
  })
  if (document.contents === null) return { options: {}, placeOf }
  if (!isMap(document.contents)) throw wrong(offsetOf(document.contents), 'expected a map of options')

  const result = optionsSchema.safeParse(document.toJS())
  if (!result.success) {
    const [issue] = result.error.issues
    if (issue?.code === 'unrecognized_keys') {
      const key = issue.keys[0] ?? ''
      throw wrong(offsetOf(pairOf(document, key)?.key), `${key}: there is no such option`)
    }
    const key = String(issue?.path[0])
    throw wrong(offsetOf(pairOf(document, key)?.value), `${key}: ${issue?.message ?? 'wrong'}`)
  }
  const contradiction = contradictionOf(result.data)
  if (contradiction !== undefined) {
    const { key, reason } = contradiction
    throw wrong(offsetOf(pairOf(document, key)?.key), `${key}: ${reason}`)
  }
  return { options: result.data, placeOf }
}

function pairOf(document: Document, key: string): { key: unknown; value: unknown } | undefined {
  if (!isMap(document.contents)) return undefined
  return document.contents.items.find((pair) => isScalar(pair.key) && pair.key.value === key)
}

function offsetOf(node: unknown): number {
  return isNode(node) ? (node.range?.[0] ?? 0) : 0
}
