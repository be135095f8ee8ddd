/**
 * What tests of transports need.
 *
 * @packageDocumentation
 */
export type { Transport } from './ports.ts'
