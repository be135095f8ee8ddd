import { configHubDefaults } from '@orrery/config-hub'
import type { OptionName, PartialOptions } from './options.ts'

/** How the configuration hub of a server behaves. */
export interface ConfigHubSettings {
  /** File with the keys that wrap those of encrypted files. Undefined: there are no encrypted files. */
  readonly keyFile: string | undefined
  /** The largest content. Unit: bytes. */
  readonly contentMaxBytes: number
  /** Releases of each file that are kept. */
  readonly releasesMaxItems: number
  /** Entries of the audit trail that are older are removed. Unit: ms; `Infinity`: never. */
  readonly auditMaxAgeMs: number
}

/** Whether there is a hub. */
export const configHubSwitches = ['on', 'off'] as const

/** Options that mean something to a configuration hub only. */
export const configHubOptionNames = [
  'config-keys',
  'config-content-max',
  'config-releases-max',
  'config-audit-retention',
] as const satisfies readonly OptionName[]

/** Undefined: there is no hub. Nobody could ask one that is not served over HTTP. */
export function resolveConfigHub(merged: PartialOptions): ConfigHubSettings | undefined {
  if (merged['config-hub'] === 'off' || merged['listen-http'] === 'off') return undefined
  const { contentMaxBytes, releasesMaxItems, auditMaxAgeMs } = configHubDefaults
  const retentionMs = merged['config-audit-retention'] ?? auditMaxAgeMs
  return {
    keyFile: merged['config-keys'],
    contentMaxBytes: merged['config-content-max'] ?? contentMaxBytes,
    releasesMaxItems: merged['config-releases-max'] ?? releasesMaxItems,
    // Without an end, as elsewhere.
    auditMaxAgeMs: retentionMs === 0 ? Infinity : retentionMs,
  }
}
