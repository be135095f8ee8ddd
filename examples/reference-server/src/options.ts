import { z } from 'zod'
import type { ListenAddress } from './listen-address.ts'
import { listenAddressForm, parseListenAddress } from './listen-address.ts'

/** How much is logged, from most to least. */
export const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const

/** One of {@link logLevels}. */
export type LogLevel = (typeof logLevels)[number]

const listenAddress = z.string().transform((text, context): ListenAddress => {
  const address = parseListenAddress(text)
  if (address !== undefined) return address
  context.addIssue({ code: 'custom', message: `expected ${listenAddressForm}, got ${JSON.stringify(text)}` })
  return z.NEVER
})

const notYet = z.literal('off', { error: 'this protocol does not exist yet; only off is possible' })

/** All options under their one name: `--name` on the command line, `name:` in the file. */
export const optionsSchema = z
  .strictObject({
    name: z
      .string()
      .regex(/^[\w.-]+$/, 'expected letters, digits, dot, underscore or hyphen')
      .refine((name) => !/^\.+$/.test(name), 'expected a name, not a path'),
    'data-dir': z.string().min(1, 'expected a path'),
    memory: z.boolean(),
    'log-level': z.enum(logLevels, { error: `expected one of ${logLevels.join(', ')}` }),
    'listen-client': listenAddress,
    'listen-peer': notYet,
    'listen-eureka': notYet,
    'listen-http': notYet,
    'listen-grpc': notYet,
    'listen-config-grpc': notYet,
    'listen-xds': notYet,
  })
  .partial()

/** Options as one source gives them, checked but incomplete. */
export type PartialOptions = z.output<typeof optionsSchema>

/** The name of an option, the same on the command line and in the file. */
export type OptionName = keyof PartialOptions

/** What the reference server needs to know, complete. */
export interface ReferenceServerOptions {
  readonly name: string
  /** Directory of the store; undefined keeps everything in memory. */
  readonly dataDir: string | undefined
  readonly logLevel: LogLevel
  /** Where etcd clients connect, gRPC and JSON on one port. Port 0 picks a free one. */
  readonly listenClient: ListenAddress
}

/** What {@link resolveOptions} uses when no source gives an option. */
export const optionDefaults: Omit<ReferenceServerOptions, 'dataDir'> = {
  name: 'default',
  logLevel: 'info',
  listenClient: { host: '127.0.0.1', port: 2379 },
}

/** Why the options of one source contradict each other, or undefined. */
export function contradictionOf(source: PartialOptions): { key: OptionName; reason: string } | undefined {
  if (source.memory === true && source['data-dir'] !== undefined) {
    return { key: 'memory', reason: 'keeps nothing on disk, so it excludes data-dir' }
  }
  return undefined
}

/**
 * Lays later sources over earlier ones and fills in the defaults. A source that says `memory` takes back
 * the data directory of an earlier one, and the reverse.
 *
 * @param sources from weakest to strongest
 */
export function resolveOptions(...sources: readonly PartialOptions[]): ReferenceServerOptions {
  let merged: PartialOptions = {}
  for (const source of sources) {
    if (source['data-dir'] !== undefined) merged = { ...merged, memory: false }
    if (source.memory === true) merged = { ...merged, 'data-dir': undefined }
    merged = { ...merged, ...source }
  }
  const name = merged.name ?? optionDefaults.name
  return {
    name,
    dataDir: merged.memory === true ? undefined : (merged['data-dir'] ?? `${name}.orrery`),
    logLevel: merged['log-level'] ?? optionDefaults.logLevel,
    listenClient: merged['listen-client'] ?? optionDefaults.listenClient,
  }
}
