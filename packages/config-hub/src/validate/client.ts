import { canonicalAddress } from '../gray/address.ts'
import { configLimits as limits } from '../limits.ts'
import type { ConfigClient } from '../model.ts'
import { entriesOf, objectOf, refuse, textOf } from './fields.ts'

/** Who says nothing of itself. */
export const noClient: ConfigClient = Object.freeze({})

/**
 * A copy of what is known of a client, its address in the one form that everybody writes it in. An empty id or address is none.
 *
 * @throws ConfigError `CONFIG_INVALID`
 */
export function toClient(client: unknown): ConfigClient {
  if (client === undefined) return noClient
  const { id, address, labels } = objectOf(client, 'client')
  const known: ConfigClient = {
    ...(id === undefined || id === '' ? {} : { id: textOf(id, 'client.id', limits.clientIdMaxChars) }),
    ...(address === undefined || address === '' ? {} : { address: addressOf(address) }),
    ...(labels === undefined
      ? {}
      : {
          labels: entriesOf(labels, 'client.labels', {
            maxEntries: limits.clientLabelsMaxEntries,
            valueMinChars: 0,
          }),
        }),
  }
  return Object.freeze(known)
}

function addressOf(value: unknown): string {
  const address = canonicalAddress(textOf(value, 'client.address', limits.addressMaxChars))
  if (address === undefined) refuse('client.address', 'must be an IPv4 or IPv6 address without a port')
  return address
}
