import { ConnectionError, errorCode, frameMaxBytes, int31Max, settingId } from './protocol.ts'

/** What the peer may change about how it is spoken to. RFC 9113, section 6.5.2. */
export class PeerSettings {
  headerTableMaxBytes = 4_096
  initialWindowBytes = 65_535
  /** Never more than we care to send. */
  frameMaxBytes = frameMaxBytes

  /**
   * Takes the payload of a SETTINGS frame.
   *
   * @throws ConnectionError
   */
  apply(payload: Buffer, start: number, end: number): void {
    for (let at = start; at < end; at += 6) this.#set(payload.readUInt16BE(at), payload.readUInt32BE(at + 2))
  }

  #set(id: number, value: number): void {
    switch (id) {
      case settingId.headerTableSize:
        this.headerTableMaxBytes = value
        return
      case settingId.enablePush:
        if (value > 1) throw new ConnectionError(errorCode.protocolError, 'ENABLE_PUSH is neither 0 nor 1')
        return
      case settingId.initialWindowSize:
        if (value > int31Max) {
          throw new ConnectionError(errorCode.flowControlError, 'INITIAL_WINDOW_SIZE is out of range')
        }
        this.initialWindowBytes = value
        return
      case settingId.maxFrameSize:
        if (value < 16_384 || value > 0xff_ffff) {
          throw new ConnectionError(errorCode.protocolError, 'MAX_FRAME_SIZE is out of range')
        }
        return
      default:
      // The others are about what we never send, or are unknown and to be ignored.
    }
  }
}

/** Writes settings as the payload of a SETTINGS frame. */
export function encodeSettings(settings: readonly (readonly [id: number, value: number])[]): Buffer {
  const payload = Buffer.alloc(settings.length * 6)
  settings.forEach(([id, value], index) => {
    payload.writeUInt16BE(id, index * 6)
    payload.writeUInt32BE(value, index * 6 + 2)
  })
  return payload
}
