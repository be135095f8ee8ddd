import { z } from 'zod'
import { parseDuration } from './duration.ts'
import type { ListenAddress } from './listen-address.ts'
import { listenAddressForm, parseListenAddress } from './listen-address.ts'

// What the text of an option means, and what is said when it means nothing.

/** The peer addresses of each member that a cluster begins with, by the member's name. */
export type InitialCluster = ReadonlyMap<string, readonly string[]>

/** A {@link ListenAddress}. */
export const listenAddress = z.string().transform((text, context): ListenAddress => {
  const address = parseListenAddress(text)
  if (address !== undefined) return address
  context.addIssue({ code: 'custom', message: `expected ${listenAddressForm}, got ${JSON.stringify(text)}` })
  return z.NEVER
})

/** `host:port` of a member that exists somewhere: no port is free there. */
function isPeerAddress(text: string): boolean {
  const address = parseListenAddress(text)
  return address !== undefined && address !== 'off' && address.port > 0
}

/** `host:port,…` */
export const peerAddresses = z.string().transform((text, context): readonly string[] => {
  const addresses = text.split(',').map((part) => part.trim())
  if (addresses.every(isPeerAddress)) return addresses
  context.addIssue({ code: 'custom', message: `expected host:port,…, got ${JSON.stringify(text)}` })
  return z.NEVER
})

/** `name=host:port,…` */
export const initialCluster = z.string().transform((text, context): InitialCluster => {
  const members = new Map<string, string[]>()
  for (const part of text.split(',')) {
    const [, name = '', address = ''] = /^([\w.-]+)=(.*)$/.exec(part.trim()) ?? []
    if (name === '' || !isPeerAddress(address)) {
      const message = `expected name=host:port,…, got ${JSON.stringify(text)}`
      context.addIssue({ code: 'custom', message })
      return z.NEVER
    }
    members.set(name, [...(members.get(name) ?? []), address])
  }
  const addresses = [...members.values()].flat()
  const twice = addresses.find((address, at) => addresses.indexOf(address) !== at)
  if (twice === undefined) return members
  context.addIssue({ code: 'custom', message: `${twice} is there twice` })
  return z.NEVER
})

/** A file or directory. */
export const path = z.string().min(1, 'expected a path')

/** Of what is to come. */
export const notYet = z.literal('off', { error: 'this protocol does not exist yet; only off is possible' })

/** `10m`, `1h30m`, `500ms`. Unit of the result: ms. */
export const duration = z.string().transform((text, context): number => {
  const ms = parseDuration(text)
  if (ms !== undefined) return ms
  context.addIssue({
    code: 'custom',
    message: `expected a duration such as 1h30m, 10s or 0, got ${JSON.stringify(text)}`,
  })
  return z.NEVER
})
