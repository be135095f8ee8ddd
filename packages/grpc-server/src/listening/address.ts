import { lookup } from 'node:dns/promises'
import { isIP, type ListenOptions } from 'node:net'
import { GrpcServerError } from '../errors.ts'

/**
 * Reads an address as grpc-js takes it: `host:port`, `[::1]:port`, `dns:host:port`, `ipv4:…`, `ipv6:…`, `unix:path`.
 *
 * @returns where to listen: several places for a name with several addresses
 * @throws GrpcServerError `GRPC_SERVER_LISTEN_FAILED`
 */
export async function resolveAddress(address: string): Promise<readonly ListenOptions[]> {
  const unixPath = /^unix:(?:\/\/)?(.+)$/.exec(address)?.[1]
  if (unixPath !== undefined) return [{ path: unixPath }]
  const [, bracketed, plain, digits] =
    /^(?:dns:(?:\/\/\/?)?|ipv4:|ipv6:)?(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(address) ?? []
  const host = bracketed ?? plain
  const port = Number(digits)
  if (host === undefined || port > 65_535) {
    throw new GrpcServerError(
      'GRPC_SERVER_LISTEN_FAILED',
      `"${address}" is no address: host:port or unix:path`,
    )
  }
  if (isIP(host) !== 0) return [{ host, port }]
  try {
    const found = await lookup(host, { all: true })
    return found.map((one) => ({ host: one.address, port }))
  } catch (cause) {
    throw new GrpcServerError('GRPC_SERVER_LISTEN_FAILED', `there is no host ${host}`, { cause })
  }
}
