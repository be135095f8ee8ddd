import { configLimits } from '@orrery/config-hub'
import { createConnectionLimits } from '@orrery/connection-limits'
import { hasCode } from '@orrery/environment'
import { registryLimits } from '@orrery/registry'
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

/** `host:port` of one member. */
export const memberAddress = z
  .string()
  .refine(isPeerAddress, { error: ({ input }) => `expected host:port, got ${JSON.stringify(input)}` })

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

/** The name of a namespace of the registry. */
export const namespaceName = z
  .string()
  .regex(/^(?!\.+$)[\w\-./:]+$/, 'expected letters, digits and - . / : _')
  .max(registryLimits.namespaceMaxChars, `expected at most ${registryLimits.namespaceMaxChars} characters`)

/** IP addresses and subnets, with commas between them. */
export const hostList = z.string().transform((text, context): readonly string[] => {
  const allow = text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
  try {
    createConnectionLimits({ allow })
    return allow
  } catch (error) {
    if (!hasCode(error, 'CONNECTION_LIMITS_INVALID')) throw error
    context.addIssue({ code: 'custom', message: error.message.replace(/^\w+: allow: /, '') })
    return z.NEVER
  }
})

/** A number from 0 on, as the command line or the file writes it. */
export const count = z.union([z.string(), z.number()]).transform((given, context): number => {
  const number = typeof given === 'number' || /^\d{1,15}$/.test(given) ? Number(given) : NaN
  if (Number.isSafeInteger(number) && number >= 0) return number
  context.addIssue({ code: 'custom', message: `expected a number from 0 on, got ${JSON.stringify(given)}` })
  return z.NEVER
})

/** How large contents may be. Unit: bytes. */
export const contentSize = numberWithin({ min: 1, max: configLimits.contentMaxBytes })

/** How many releases of a file are kept. */
export const releaseCount = numberWithin({ min: 2, max: Number.MAX_SAFE_INTEGER })

function numberWithin({ min, max }: { readonly min: number; readonly max: number }) {
  return count.refine((number) => number >= min && number <= max, {
    error: max === Number.MAX_SAFE_INTEGER ? `expected at least ${min}` : `expected ${min} to ${max}`,
  })
}

/** `host:port`, or a URL of Redis. The result is a URL. */
export const redisUrl = z.string().transform((text, context): string => {
  if (isPeerAddress(text)) return `redis://${text}`
  if (/^rediss?:\/\/[^/]/.test(text) && URL.canParse(text)) return text
  // What was given may hold a password.
  context.addIssue({ code: 'custom', message: 'expected host:port, redis://… or rediss://…' })
  return z.NEVER
})

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
