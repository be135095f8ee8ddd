import { parseArgs } from 'node:util'
import { readConfigFile } from './config-file.ts'
import { contradictionOf, contradictionOfAll } from './contradictions.ts'
import { ServerError } from './errors.ts'
import type { ServerRestore } from './restore.ts'
import type { ReferenceServerOptions } from './options.ts'
import { mergeOptions, optionsSchema, resolveOptions } from './options.ts'
import { commandUsages, optionUsages, type Usage } from './usage.ts'

/** What the command line asks for. */
export type Command =
  | { readonly type: 'serve'; readonly options: ReferenceServerOptions }
  | ({ readonly type: 'restore' } & ServerRestore)
  | { readonly type: 'help' }
  | { readonly type: 'version' }

/**
 * Reads the command line, and the configuration file that it names.
 *
 * @param argv arguments without the program's name
 * @throws ServerError `SERVER_OPTION_INVALID`, naming the flag, or file, line, column and key
 */
export function parseCommandLine(argv: readonly string[]): Command {
  const { config, restore, help, version, ...given } = parseFlags(argv)
  if (help === true) return { type: 'help' }
  if (version === true) return { type: 'version' }

  const result = optionsSchema.safeParse(given)
  if (!result.success) {
    const [issue] = result.error.issues
    throw wrong(`--${String(issue?.path[0])}: ${issue?.message ?? 'wrong'}`)
  }
  const contradiction = contradictionOf(result.data)
  if (contradiction !== undefined) throw wrong(`--${contradiction.key}: ${contradiction.reason}`)

  const file = typeof config === 'string' ? readConfigFile(config) : undefined
  const merged = mergeOptions(file?.options ?? {}, result.data)
  const conflict = contradictionOfAll(merged)
  if (conflict !== undefined) {
    const { key, reason } = conflict
    const isFlag = result.data[key] !== undefined || file === undefined
    throw wrong(`${isFlag ? `--${key}` : `${file.placeOf(key)}: ${key}`}: ${reason}`)
  }
  const resolved = resolveOptions(merged)
  if (typeof restore !== 'string') {
    const { listenClient, listenEureka, listenHttp } = resolved
    if ([listenClient, listenEureka, listenHttp].every((address) => address === 'off')) {
      throw wrong('--listen-client: off leaves nothing to serve beside listen-eureka and listen-http: off')
    }
    return { type: 'serve', options: resolved }
  }
  if (resolved.dataDir === undefined) throw wrong('--restore: there is no data directory with --memory')
  if (merged.join !== undefined) throw wrong('--restore: begins a cluster, so it excludes join')
  if (resolved.peer?.listen.port === 0 && resolved.peer.advertise === undefined) {
    throw wrong('--restore: members have to know each other: listen-peer needs a port')
  }
  const { name, dataDir, peer } = resolved
  return { type: 'restore', file: restore, name, dataDir, peer }
}

function parseFlags(argv: readonly string[]): Record<string, unknown> {
  const known = Object.entries({ ...optionUsages, ...commandUsages }).map(
    ([name, usage]: [string, Usage]) =>
      [name, { type: usage.value === undefined ? 'boolean' : 'string' } as const] as const,
  )
  try {
    return parseArgs({
      args: [...argv],
      options: Object.fromEntries(known),
      strict: true,
      allowNegative: true,
    }).values
  } catch (cause) {
    // Node's message goes on with advice about its own conventions after the first sentence.
    const [sentence = ''] = cause instanceof Error ? cause.message.split(/\. |\n/) : []
    throw wrong(`${sentence.replace(/\.$/, '')} (see --help)`, cause)
  }
}

function wrong(reason: string, cause?: unknown): ServerError {
  return new ServerError('SERVER_OPTION_INVALID', reason, { cause })
}
