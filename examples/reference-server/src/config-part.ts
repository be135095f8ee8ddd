import {
  type ConfigHub,
  configErrorCodes,
  createConfigHub,
  createLocalKeyPort,
  type KeyPort,
  readKeyFile,
} from '@orrery/config-hub'
import type { Environment } from '@orrery/environment'
import { hasCode } from '@orrery/environment'
import type { Store } from '@orrery/store'
import { storeErrorCodes } from '@orrery/store'
import type { ConfigHubSettings } from './config-hub-options.ts'
import { ServerError } from './errors.ts'

/** What the configuration hub lives on. */
export interface ConfigPartDeps {
  readonly store: Store
  readonly environment: Environment
  /** Undefined: there are no encrypted files. */
  readonly keys: KeyPort | undefined
}

/** The configuration hub of a server. */
export interface ConfigPart {
  readonly hub: ConfigHub
  /** @throws ServerError `SERVER_CONFIG_HUB_UNAVAILABLE`; `signal.reason` */
  start(options: { readonly signal: AbortSignal }): Promise<void>
  close(): Promise<void>
}

/**
 * Reads the keys that wrap those of encrypted files.
 *
 * @param keyFile undefined: there are none
 * @throws ServerError `SERVER_OPTION_INVALID`
 */
export async function openConfigKeys(keyFile: string | undefined): Promise<KeyPort | undefined> {
  if (keyFile === undefined) return undefined
  try {
    return createLocalKeyPort(await readKeyFile(keyFile))
  } catch (cause) {
    const why = cause instanceof Error ? withoutCode(cause) : String(cause)
    throw new ServerError('SERVER_OPTION_INVALID', `--config-keys: ${why}`, { cause })
  }
}

/** Creates the configuration hub of a server. Each member of a cluster has one, over the same store. */
export function createConfigPart(
  { store, environment, keys }: ConfigPartDeps,
  { contentMaxBytes, releasesMaxItems, auditMaxAgeMs }: ConfigHubSettings,
): ConfigPart {
  const hub = createConfigHub(
    { store, environment, keys },
    { contentMaxBytes, releasesMaxItems, auditMaxAgeMs },
  )
  return {
    hub,
    start: async ({ signal }) => {
      try {
        await hub.start({ signal })
      } catch (cause) {
        signal.throwIfAborted()
        throw unavailable(cause)
      }
    },
    close: () => hub.close(),
  }
}

function unavailable(cause: unknown): unknown {
  if (!hasCode(cause, ...configErrorCodes, ...storeErrorCodes)) return cause
  const reason = `the configuration hub cannot start: ${withoutCode(cause)}`
  return new ServerError('SERVER_CONFIG_HUB_UNAVAILABLE', reason, { cause })
}

function withoutCode({ message }: Error): string {
  return message.replace(/^CONFIG_[A-Z_]+: |^STORE_[A-Z_]+: /, '')
}
