// In place of iconv-lite in the functions: mysql2 asks it for what Node.js itself cannot read, of which only the
// server's old UTF-8, up to three bytes a character, can come over a connection in UTF-8.
function known(encoding) {
  if (encoding !== 'cesu8') throw new Error(`The functions read UTF-8 alone, and the database sent ${encoding}`)
}

exports.encodingExists = (encoding) => encoding === 'cesu8'

exports.getDecoder = (encoding) => {
  known(encoding)
  return { write: (bytes) => bytes.toString('utf8'), end: () => undefined }
}

exports.getEncoder = (encoding) => {
  known(encoding)
  return { write: (text) => Buffer.from(text, 'utf8'), end: () => undefined }
}
