import { useMutation, useQueryClient } from '@tanstack/react-query';

/** Sends a change to the appliance; afterwards whatever lies under `keys` is asked for again. */
export function useChange<Given, Answered>(
  send: (given: Given) => Promise<Answered>, keys: readonly (readonly string[])[], done?: (answered: Answered) => void,
) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: send,
    // Some answers hold secrets that are shown once: they must not outlive their dialog.
    gcTime: 0,
    onSuccess: async (answered) => {
      await Promise.all(keys.map((queryKey) => client.invalidateQueries({ queryKey })));
      done?.(answered);
    },
  });
}
