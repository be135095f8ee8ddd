import type { CodedError } from '@orrery/environment'
import { createLessor, LeaseError, type Lessor } from '@orrery/lease'
import { createMvcc, type Key, type KeyLeases, type Mvcc, MvccError, type WatchOptions } from '@orrery/mvcc'
import type { Command } from './command.ts'
import { StoreError } from './errors.ts'
import type { StoreBackend } from './ports.ts'
import type { Alarm, AlarmType } from './store.ts'

/** Names of the backend's values beside the revisions. Part of the format of the data directory. */
const leasePrefix = 'lease/'
const alarmPrefix = 'alarm/'
/** Of the log that the state comes from: not part of a snapshot, which begins another one. */
const termName = 'store/term'
const membersName = 'store/members'

/** Where an entry stands in the log. */
export interface LogPosition {
  readonly index: number
  readonly term: number
}

/** What a command that was applied answers, by its type. */
export type CommandResult =
  | ReturnType<Mvcc['put']>
  | ReturnType<Mvcc['deleteRange']>
  | ReturnType<Mvcc['txn']>
  | LeaseGranted
  | readonly Alarm[]
  | undefined

interface LeaseGranted {
  readonly ttlMs: number
}

export interface StateMachineOptions extends WatchOptions {
  /** Unit: ms. */
  readonly leaseTtlMinMs: number
}

/**
 * What the log's entries change: keys, leases and alarms. The same entries in the same order give the same
 * state, whenever and wherever they are applied.
 *
 * All of it is in the backend, so that one atomic commit of the backend takes it from one state between two
 * entries to another.
 */
export class StateMachine {
  readonly mvcc: Mvcc
  readonly lessor: Lessor
  readonly #backend: StoreBackend
  /** Leases whose revocation has begun: they take no more keys. */
  readonly #revoking = new Set<bigint>()
  /** While keys are read back, leases that are being revoked still have theirs. */
  #restoring = true
  #alarms: readonly Alarm[] = []
  /** The last entry applied. */
  #appliedIndex = 0
  #appliedTerm = 1
  #members: Uint8Array | undefined
  /** Called before a compaction takes effect, with its revision. */
  onCompacting: ((revision: number) => void) | undefined

  constructor(backend: StoreBackend, options: StateMachineOptions) {
    this.#backend = backend
    this.lessor = createLessor({ ttlMinMs: options.leaseTtlMinMs })
    this.mvcc = createMvcc({ backend, leases: this.#keyLeases() }, options)
  }

  get appliedIndex(): number {
    return this.#appliedIndex
  }

  /** The term of the last entry applied. */
  get appliedTerm(): number {
    return this.#appliedTerm
  }

  /** Who is in the cluster, as the log told last; undefined where there is none. */
  get members(): Uint8Array | undefined {
    return this.#members
  }

  get alarms(): readonly Alarm[] {
    return this.#alarms
  }

  isActive(type: AlarmType): boolean {
    return this.#alarms.some((alarm) => alarm.type === type)
  }

  /**
   * Reads leases and alarms from the backend; keys follow with `mvcc.restoreStep`.
   *
   * @param appliedIndex the entry up to which the backend has everything
   */
  restore(appliedIndex: number): void {
    this.#appliedIndex = appliedIndex
    const term = this.#backend.getMeta(termName)
    if (term !== undefined) this.#appliedTerm = Number(Buffer.from(term).toString())
    this.#members = this.#backend.getMeta(membersName)?.slice()
    this.#backend.scanMeta(leasePrefix, (name, value) => {
      const id = BigInt.asIntN(64, BigInt(`0x${name.slice(leasePrefix.length)}`))
      const { ttlMs, remainingMs, revoking } = decodeLease(value)
      if (revoking) this.#revoking.add(id)
      // Its revocation goes on in `restored`: until then it takes back the keys that it still has.
      this.lessor.restore({ id, ttlMs, remainingMs })
    })
    const alarms: Alarm[] = []
    this.#backend.scanMeta(alarmPrefix, (name) => {
      const [member = '', type] = name.slice(alarmPrefix.length).split('/')
      if (type !== 'noSpace' && type !== 'corrupt') {
        throw new StoreError('STORE_DAMAGED', `the backend names an unknown alarm: ${name}`)
      }
      alarms.push({ memberId: BigInt(`0x${member}`), type })
    })
    this.#alarms = alarms
  }

  /**
   * Applies one entry, and seals it.
   *
   * @param nowMs arms the deadline of a granted lease; nothing else depends on it
   * @returns the answer, or the refusal: a refused command was an entry of the log all the same
   */
  apply(command: Command, { index, term }: LogPosition, nowMs: number): CommandResult | Refusal {
    let result: CommandResult | Refusal
    try {
      result = this.#execute(command, nowMs)
    } catch (error) {
      // Only refusals: a broken invariant stops the store.
      if (!isRefusal(error)) throw error
      result = new Refusal(error)
    }
    this.#seal(index, term)
    return result
  }

  /** Applies an entry that changes nothing of the state itself, and seals it. */
  skip({ index, term }: LogPosition, members: Uint8Array | undefined): void {
    if (members !== undefined) {
      this.#members = members
      this.#backend.setMeta(membersName, members)
    }
    this.#seal(index, term)
  }

  /** Ends the recovery, after keys were read back too. */
  restored(): void {
    this.#restoring = false
    for (const id of this.#revoking) this.lessor.beginRevoke(id)
  }

  #seal(index: number, term: number): void {
    if (term !== this.#appliedTerm) {
      this.#appliedTerm = term
      this.#backend.setMeta(termName, Buffer.from(String(term)))
    }
    this.#appliedIndex = index
    this.#backend.seal(index)
  }

  #execute(command: Command, nowMs: number): CommandResult {
    switch (command.type) {
      case 'put':
        this.#requireSpace()
        return this.mvcc.put(command.request)
      case 'deleteRange':
        this.#requireSound()
        return this.mvcc.deleteRange(command.request)
      case 'txn':
        if (hasPut(command.request)) this.#requireSpace()
        this.#requireSound()
        return this.mvcc.txn(command.request)
      case 'compact':
        this.#requireSound()
        this.#compact(command.revision)
        return undefined
      case 'leaseGrant':
        this.#requireSpace()
        return this.#grant(command.id, command.ttlMs, nowMs)
      case 'leaseRevoke':
        this.#requireSound()
        this.#revoke(command.id)
        return undefined
      case 'leaseRevokeKeys':
        this.#requireSound()
        this.#revokeKeys(command.id, command.keys)
        return undefined
      case 'leaseExpire':
        this.#requireSound()
        for (const id of command.ids) if (this.lessor.timeToLive(id, 0) !== undefined) this.#revoke(id)
        return undefined
      case 'leaseCheckpoint':
        for (const { id, remainingMs } of command.checkpoints) {
          if (this.lessor.checkpoint(id, remainingMs)) this.#saveLease(id, { remainingMs })
        }
        return undefined
      case 'alarm':
        return command.action === 'activate'
          ? this.#activate({ memberId: toMemberId(command.memberId), type: command.alarm })
          : this.#deactivate(command.alarm, toMemberId(command.memberId))
    }
  }

  #compact(revision: number): void {
    const { mvcc } = this
    if (revision > mvcc.compactRevision && revision <= mvcc.revision) this.onCompacting?.(revision)
    mvcc.compact(revision)
  }

  /** Whether keys can be attached to a lease. */
  #hasLease(id: bigint): boolean {
    return this.lessor.timeToLive(id, 0) !== undefined && (this.#restoring || !this.#revoking.has(id))
  }

  #requireSound(): void {
    if (this.isActive('corrupt')) throw new StoreError('STORE_CORRUPT', 'the corrupt alarm is active')
  }

  #requireSpace(): void {
    this.#requireSound()
    if (this.isActive('noSpace')) throw new StoreError('STORE_NO_SPACE', 'the noSpace alarm is active')
  }

  #grant(id: bigint, ttlMs: number, nowMs: number): LeaseGranted {
    const lease = this.lessor.grant({ id, ttlMs, nowMs })
    this.#writeLease(id, { ttlMs: lease.ttlMs, remainingMs: 0, revoking: false })
    return { ttlMs: lease.ttlMs }
  }

  #revoke(id: bigint): void {
    const keys = this.lessor.revoke(id)
    this.#revoking.delete(id)
    this.#backend.setMeta(leaseName(id), undefined)
    this.mvcc.deleteKeys(keys)
  }

  #revokeKeys(id: bigint, keys: readonly Key[]): void {
    this.lessor.beginRevoke(id)
    if (!this.#revoking.has(id)) {
      this.#revoking.add(id)
      this.#saveLease(id, { revoking: true })
    }
    this.mvcc.deleteKeys(keys.filter((key) => this.lessor.leaseOf(key) === id))
  }

  #saveLease(id: bigint, change: Partial<LeaseFields>): void {
    const stored = this.#backend.getMeta(leaseName(id))
    if (stored !== undefined) this.#writeLease(id, { ...decodeLease(stored), ...change })
  }

  #writeLease(id: bigint, fields: LeaseFields): void {
    this.#backend.setMeta(leaseName(id), encodeLease(fields))
  }

  #activate(alarm: Alarm): readonly Alarm[] {
    const known = this.#alarms.some((one) => one.memberId === alarm.memberId && one.type === alarm.type)
    if (!known) {
      this.#alarms = [...this.#alarms, alarm]
      this.#backend.setMeta(alarmName(alarm), new Uint8Array(0))
    }
    return [alarm]
  }

  #deactivate(type: AlarmType, memberId: bigint): readonly Alarm[] {
    const matches = (alarm: Alarm): boolean =>
      alarm.type === type && (memberId === 0n || alarm.memberId === memberId)
    const gone = this.#alarms.filter(matches)
    this.#alarms = this.#alarms.filter((alarm) => !matches(alarm))
    for (const alarm of gone) this.#backend.setMeta(alarmName(alarm), undefined)
    return gone
  }

  #keyLeases(): KeyLeases {
    return {
      has: (id) => this.#hasLease(id),
      attach: (id, key) => {
        // A put may keep the lease of its key, also one that is being revoked and takes no others.
        if (this.lessor.leaseOf(key) !== id) this.lessor.attach(id, key)
      },
      detach: (key) => {
        if (this.lessor.size === 0) return
        const id = this.lessor.leaseOf(key)
        if (id !== undefined) this.lessor.detach(id, key)
      },
    }
  }
}

/** An error of the backend is none: the command is applied in part, and nothing can go on from there. */
function isRefusal(error: unknown): error is CodedError {
  return error instanceof MvccError || error instanceof LeaseError || error instanceof StoreError
}

/** A command that was applied and answered with an error. */
export class Refusal {
  readonly error: CodedError

  constructor(error: CodedError) {
    this.error = error
  }
}

/** Writes, for a state that comes from elsewhere, where in the log it stands. */
export function writeStanding(
  backend: StoreBackend,
  { term, members }: { readonly term: number; readonly members: Uint8Array },
): void {
  backend.setMeta(termName, Buffer.from(String(term)))
  backend.setMeta(membersName, members)
}

/** Whether a txn may need space: a put in either branch, at any depth. */
function hasPut({ success = [], failure = [] }: Extract<Command, { type: 'txn' }>['request']): boolean {
  return [...success, ...failure].some((op) => op.type === 'put' || (op.type === 'txn' && hasPut(op)))
}

/** Members' ids have no sign; the log's have. */
function toMemberId(id: bigint): bigint {
  return BigInt.asUintN(64, id)
}

interface LeaseFields {
  readonly ttlMs: number
  /** 0: no checkpoint. */
  readonly remainingMs: number
  readonly revoking: boolean
}

function encodeLease({ ttlMs, remainingMs, revoking }: LeaseFields): Uint8Array {
  const bytes = Buffer.alloc(17)
  bytes.writeDoubleLE(ttlMs, 0)
  bytes.writeDoubleLE(remainingMs, 8)
  bytes.writeUInt8(revoking ? 1 : 0, 16)
  return bytes
}

function decodeLease(value: Uint8Array): LeaseFields {
  if (value.length !== 17) throw new StoreError('STORE_DAMAGED', 'the backend has a lease of a wrong size')
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength)
  return {
    ttlMs: bytes.readDoubleLE(0),
    remainingMs: bytes.readDoubleLE(8),
    revoking: bytes.readUInt8(16) === 1,
  }
}

function leaseName(id: bigint): string {
  return leasePrefix + hex(id)
}

function alarmName({ memberId, type }: Alarm): string {
  return `${alarmPrefix}${hex(memberId)}/${type}`
}

function hex(id: bigint): string {
  return BigInt.asUintN(64, id).toString(16).padStart(16, '0')
}
