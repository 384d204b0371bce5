export function readDotenv(): string
