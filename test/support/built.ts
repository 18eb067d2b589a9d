export const builtUrl = (path: string): URL => new URL(`../../dist/${path}`, import.meta.url);
