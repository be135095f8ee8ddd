import { createSocket } from 'node:dgram'
import { lookup } from 'node:dns/promises'
import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os'
import type { Environment } from '@orrery/environment'
import { systemEnvironment } from '@orrery/environment/system'
import { withDeadline } from './leases/deadline.ts'
import type { CallOptions } from './registry.ts'

/** What {@link probeHost} looks at. */
export interface ProbeHostDeps {
  /** @defaultValue Node's clock and entropy, no log */
  readonly environment?: Environment | undefined
  /** The interfaces of this host. @defaultValue those that Node lists */
  readonly interfaces?: (() => Readonly<Partial<Record<string, readonly NetworkInterfaceInfo[]>>>) | undefined
}

/** Where to look for the address of this host; what comes first is taken. */
export interface ProbeHostOptions extends CallOptions {
  /** The address itself, or a name. */
  readonly given?: string | undefined
  /** The name of a network interface. */
  readonly interfaceName?: string | undefined
  /** Something that others of the kind reach, too: the address from which this host would talk to it. */
  readonly probe?: { readonly host: string; readonly port: number } | undefined
  /** For how long the name of `probe` may be looked up. Unit: ms. @defaultValue `3_000` */
  readonly probeMaxMs?: number | undefined
}

/** What is left when nothing else is known: good for one host alone. */
const loopback = '127.0.0.1'
const probeMaxMsDefault = 3_000

/**
 * Finds the address by which others reach this host: the one that is given; else that of a network interface (IPv4
 * before IPv6); else the local address of a connection to a probe address, for which nothing is sent; else `127.0.0.1`.
 * What was wanted and is not to be had is logged.
 *
 * @throws `options.signal.reason`
 */
export async function probeHost(options: ProbeHostOptions, deps: ProbeHostDeps = {}): Promise<string> {
  const { given, interfaceName, probe, probeMaxMs = probeMaxMsDefault, signal } = options
  const { environment = systemEnvironment(), interfaces = networkInterfaces } = deps
  const { clock, logger } = environment
  if (given !== undefined && given !== '') return given
  if (interfaceName !== undefined && interfaceName !== '') {
    const address = bestOf(interfaces()[interfaceName] ?? [])
    if (address !== undefined) return address
    logger.warn('there is no network interface of that name, or it has no address', { interfaceName })
  }
  if (probe !== undefined) {
    try {
      return await withDeadline({ clock, maxMs: probeMaxMs, signal }, (probeSignal) =>
        localAddressTo(probe, probeSignal),
      )
    } catch (error) {
      signal?.throwIfAborted()
      logger.warn('the address of this host cannot be told by a probe', { probe, error })
    }
  }
  return loopback
}

/** The address of an interface by which others most likely reach it. */
function bestOf(addresses: readonly NetworkInterfaceInfo[]): string | undefined {
  const global = addresses.filter(({ address }) => !isLinkLocal(address))
  const best = global.find(({ family }) => family === 'IPv4') ?? global[0]
  return best?.address
}

/** Addresses that mean something on one link only: RFC 3927, RFC 4291 section 2.5.6. */
function isLinkLocal(address: string): boolean {
  return address.startsWith('169.254.') || /^fe[89ab]/i.test(address)
}

/** To connect a UDP socket chooses a route, and with it a local address, but sends nothing. */
async function localAddressTo(
  { host, port }: { readonly host: string; readonly port: number },
  signal: AbortSignal,
): Promise<string> {
  const { address: remote, family } = await lookup(host)
  signal.throwIfAborted()
  const socket = createSocket(family === 6 ? 'udp6' : 'udp4')
  try {
    return await new Promise((resolve, reject) => {
      socket.once('error', reject)
      socket.connect(port, remote, () => resolve(socket.address().address))
    })
  } finally {
    socket.close()
  }
}
