export const mutated = (_name: string, _file: string, text: string) => text
