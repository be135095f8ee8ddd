import { once } from 'node:events'
import { createServer } from 'node:net'
import { ServerError } from './errors.ts'
import { formatListenAddress } from './listen-address.ts'
import type { OptionName } from './options.ts'

/** A place to listen. */
export interface HostAndPort {
  readonly host: string
  readonly port: number
}

/**
 * Tries whether an address can be listened on, and chooses the port where that is 0: a member tells the others
 * where it is before it listens there.
 *
 * @param option who wants to listen, for messages
 * @throws ServerError `SERVER_LISTEN_FAILED`
 */
export async function probePort(option: OptionName, address: HostAndPort): Promise<HostAndPort> {
  const server = createServer()
  try {
    await once(server.listen(address), 'listening')
  } catch (error) {
    throw listenError(option, address, error)
  }
  const bound = server.address()
  await new Promise((resolve) => server.close(resolve))
  return { ...address, port: typeof bound === 'object' && bound !== null ? bound.port : address.port }
}

/** An address to connect to: a wildcard is none. */
export function reachable(host: string, instead: string): string {
  return host === '0.0.0.0' || host === '::' ? instead : host
}

const listenReasons: Readonly<Record<string, string | undefined>> = {
  EADDRINUSE: 'is already in use',
  EADDRNOTAVAIL: 'is not an address of this machine',
  EACCES: 'needs more rights than this process has',
  ENOTFOUND: 'is not a known host',
}

/** Says in one line why an address cannot be listened on. */
export function listenError(option: OptionName, address: HostAndPort, cause: unknown): unknown {
  if (!(cause instanceof Error) || !('code' in cause)) return cause
  const reason = listenReasons[String(cause.code)] ?? `cannot be listened on: ${cause.message}`
  const where = formatListenAddress(address)
  return new ServerError('SERVER_LISTEN_FAILED', `--${option}: ${where} ${reason}`, { cause })
}
