/** The SHA-256 of bytes, hexadecimal. */
export async function sha256Hex(bytes: ArrayBuffer | Uint8Array): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)).toHex();
}
