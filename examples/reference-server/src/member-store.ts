import { readdir, readFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import type { Environment } from '@orrery/environment'
import { hasCode } from '@orrery/environment'
import { type ClusterOrigin, type OpenedMember, openStoreInWorker } from '@orrery/store'
import type { TlsCredentials } from '@orrery/transport-tcp'
import { ServerError } from './errors.ts'
import { type LocatedMember, openLocatedMember } from './located-member.ts'
import { formatListenAddress } from './listen-address.ts'
import type { PeerOptions, PeerTlsFiles } from './options.ts'
import { type HostAndPort, probePort, reachable } from './probe-port.ts'

/** What a thread of the member runs. */
const threadModule = new URL('./member-thread.js', import.meta.url)

/** Who the member is, and where its data is. */
export interface MemberStoreOptions {
  readonly name: string
  readonly dataDir: string
  readonly peer: PeerOptions
  /** Where clients reach the member. */
  readonly clientUrls: readonly string[]
}

/** A member, and where others reach it. */
export interface MemberStore extends OpenedMember {
  readonly peerAddress: string
}

/**
 * Opens a store that this process keeps together with others, or alone until others join.
 *
 * @throws ServerError `SERVER_OPTION_INVALID`, `SERVER_LISTEN_FAILED`, `SERVER_STORE_UNAVAILABLE`
 * @throws StoreError as `openMember`
 */
export async function openMemberStore(
  { name, dataDir, peer, clientUrls }: MemberStoreOptions,
  environment: Environment,
): Promise<MemberStore> {
  const { join, forceNewCluster, corruptionCheck, hasThread } = peer
  await refuseLocalStore(dataDir)
  const tls = peer.tls === undefined ? {} : { tls: await readCredentials(peer.tls) }
  const listen = await probePort('listen-peer', peer.listen)
  const peerAddresses = peerAddressesOf(name, { ...peer, listen })
  const [advertise = addressOf(listen)] = peerAddresses
  const member: LocatedMember = {
    directory: dataDir,
    name,
    listen,
    advertise,
    peerAddresses,
    origin: join === undefined ? newCluster(peer, peerAddresses) : { type: 'join', contacts: join },
    forceNewCluster,
    clientUrls,
    corruptionCheck,
    ...tls,
  }
  const opened = hasThread
    ? await openStoreInWorker({ module: threadModule, data: member, environment })
    : await openLocatedMember(member, environment)
  return { ...opened, peerAddress: advertise }
}

/** Where others reach a member, as far as its options tell. */
export function peerAddressesOf(
  name: string,
  { advertise, initialCluster, listen }: PeerOptions,
): readonly string[] {
  return advertise ?? initialCluster?.get(name) ?? [addressOf(listen)]
}

/** The cluster that begins with a member. */
export function newCluster(
  { initialCluster, initialClusterToken: token }: PeerOptions,
  alone: readonly string[],
): Extract<ClusterOrigin, { type: 'new' }> {
  return {
    type: 'new',
    members: initialCluster === undefined ? [alone] : [...initialCluster.values()],
    token,
  }
}

function addressOf({ host, port }: HostAndPort): string {
  return formatListenAddress({ host: reachable(host, hostname()), port })
}

/** What a store of one process left is not read as a member's: its log is another one. */
async function refuseLocalStore(directory: string): Promise<void> {
  let names: readonly string[] = []
  try {
    names = await readdir(directory)
  } catch (error) {
    if (!hasCode(error, 'ENOENT', 'ENOTDIR')) throw error
  }
  if (names.includes('raft') || !(names.includes('wal') || names.includes('db'))) return
  const reason = `${directory} holds a store of one process: start it with --listen-peer off`
  throw new ServerError('SERVER_STORE_UNAVAILABLE', `--data-dir: ${reason}`)
}

async function readCredentials({ certFile, keyFile, trustedCaFile }: PeerTlsFiles): Promise<TlsCredentials> {
  return {
    cert: await readPem('peer-cert-file', certFile),
    key: await readPem('peer-key-file', keyFile),
    ca: await readPem('peer-trusted-ca-file', trustedCaFile),
  }
}

async function readPem(option: string, path: string): Promise<Uint8Array> {
  try {
    return await readFile(path)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new ServerError('SERVER_OPTION_INVALID', `--${option}: ${why}`, { cause })
  }
}
