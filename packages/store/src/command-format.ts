import type { RangeRequest, TxnOp } from '@orrery/mvcc'
import type { Command } from './command.ts'

// The layout of commands in the log. Numbers are part of the format of the data directory: append to these
// lists, never reorder them.

export const commandTypes = [
  'put',
  'deleteRange',
  'txn',
  'compact',
  'leaseGrant',
  'leaseRevoke',
  'leaseRevokeKeys',
  'leaseCheckpoint',
  'alarm',
  'leaseExpire',
] as const satisfies readonly Command['type'][]
export const opTypes = ['range', 'put', 'deleteRange', 'txn'] as const satisfies readonly TxnOp['type'][]
export const compareTargets = ['version', 'createRevision', 'modRevision', 'value', 'lease'] as const
export const compareResults = ['equal', 'greater', 'less', 'notEqual'] as const
export const sortOrders = ['none', 'ascend', 'descend'] as const
export const sortTargets = ['key', 'version', 'createRevision', 'modRevision', 'value'] as const
export const alarmTypes = ['noSpace', 'corrupt'] as const
export const alarmActions = ['activate', 'deactivate'] as const

/** The numbers of a range, in this order. */
export const rangeNumbers = [
  'limit',
  'revision',
  'minModRevision',
  'maxModRevision',
  'minCreateRevision',
  'maxCreateRevision',
] as const satisfies readonly (keyof RangeRequest)[]

/** Txns nested more deeply are neither encoded nor decoded. */
export const depthMax = 256
