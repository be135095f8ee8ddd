import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Environment } from '@orrery/environment'
import { hasCode } from '@orrery/environment'
import type { Store } from '@orrery/store'
import { createMemoryStore, openStore, storeErrorCodes } from '@orrery/store'
import { ServerError } from './errors.ts'
import { openMemberStore } from './member-store.ts'
import type { ReferenceServerOptions } from './options.ts'

/** The store that everything else lives on. */
export interface ServerStore {
  readonly store: Store
  /** Where other members reach this one; undefined when there can be none. */
  readonly peerAddress: string | undefined
  /** Resolves when the store can serve: for a member, when there is a leader. */
  readonly servable: Promise<void>
}

/**
 * Opens the store that everything else lives on.
 *
 * @param clientUrls where clients will reach this server
 * @throws ServerError `SERVER_STORE_UNAVAILABLE`, `SERVER_LISTEN_FAILED`, `SERVER_OPTION_INVALID`
 */
export async function openServerStore(
  { name, dataDir, peer }: Pick<ReferenceServerOptions, 'name' | 'dataDir' | 'peer'>,
  clientUrls: readonly string[],
  environment: Environment,
): Promise<ServerStore> {
  const alone = { peerAddress: undefined, servable: Promise.resolve() }
  if (dataDir === undefined) return { store: createMemoryStore({ environment }), ...alone }
  try {
    if (peer === undefined) {
      await refuseMember(dataDir)
      return { store: await openStore({ directory: dataDir, environment }), ...alone }
    }
    const { store, published, peerAddress } = await openMemberStore(
      { name, dataDir, peer, clientUrls },
      environment,
    )
    const servable = published.catch((cause: unknown) => {
      throw unavailable('--data-dir', dataDir, cause)
    })
    // Whoever closes the store before does not wait for it.
    servable.catch(() => {})
    return { store, peerAddress, servable }
  } catch (cause) {
    const option = hasCode(cause, 'STORE_JOIN_REFUSED') ? '--join' : '--data-dir'
    throw unavailable(option, dataDir, cause)
  }
}

/** A member's directory is not read as that of a store of one process, which would begin with nothing. */
export async function refuseMember(directory: string): Promise<void> {
  try {
    await readdir(join(directory, 'raft'))
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return
    throw error
  }
  const reason = `${directory} holds a member of a cluster: start it without --listen-peer off`
  throw new ServerError('SERVER_STORE_UNAVAILABLE', `--data-dir: ${reason}`)
}

/** What the operator is told of a store that does not open. @param option that names it */
export function unavailable(option: string, directory: string, cause: unknown): unknown {
  if (hasCode(cause, 'ENOENT', 'EACCES', 'EISDIR')) {
    return new ServerError('SERVER_STORE_UNAVAILABLE', `${option}: ${cause.message}`, { cause })
  }
  if (hasCode(cause, 'TRANSPORT_INVALID_OPTION')) {
    const reason = cause.message.replace(/^TRANSPORT_\w+: /, '')
    return new ServerError('SERVER_OPTION_INVALID', `--peer-cert-file: ${reason}`, { cause })
  }
  if (!hasCode(cause, ...storeErrorCodes)) return cause
  const reason = hasCode(cause, 'STORE_LOCKED')
    ? `${directory} is in use by another process`
    : cause.message.replace(/^STORE_\w+: /, '')
  return new ServerError('SERVER_STORE_UNAVAILABLE', `${option}: ${reason}`, { cause })
}
