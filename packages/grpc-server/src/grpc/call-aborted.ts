import { CodedError } from '@orrery/environment'
import type { AbortKind } from './wire-call.ts'

/** Why a call's signal is aborted. */
export type CallAbortedCode = 'GRPC_CALL_CANCELLED' | 'GRPC_CALL_DEADLINE_EXCEEDED'

const codes: Record<AbortKind, CallAbortedCode> = {
  cancelled: 'GRPC_CALL_CANCELLED',
  deadlineExceeded: 'GRPC_CALL_DEADLINE_EXCEEDED',
}

const messages: Record<AbortKind, string> = {
  cancelled: 'the client gave the call up, or its connection broke',
  deadlineExceeded: 'the deadline of the call has passed',
}

/** The reason of an aborted signal of a call. */
export class CallAbortedError extends CodedError<CallAbortedCode> {
  constructor(kind: AbortKind) {
    super(codes[kind], messages[kind])
  }
}
