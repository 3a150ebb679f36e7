// Methods that workerd has, and Node only from 25 on: https://tc39.es/proposal-arraybuffer-base64/spec/

interface Base64Options {
  alphabet?: 'base64' | 'base64url';
}

const prototype = Uint8Array.prototype as unknown as Record<string, unknown>;
const statics = Uint8Array as unknown as Record<string, unknown>;

prototype.toBase64 ??= function toBase64(this: Uint8Array): string {
  return Buffer.from(this.buffer, this.byteOffset, this.byteLength).toString('base64');
};
prototype.toHex ??= function toHex(this: Uint8Array): string {
  return Buffer.from(this.buffer, this.byteOffset, this.byteLength).toString('hex');
};
statics.fromBase64 ??= (text: string, { alphabet = 'base64' }: Base64Options = {}): Uint8Array =>
  new Uint8Array(Buffer.from(text, alphabet));
