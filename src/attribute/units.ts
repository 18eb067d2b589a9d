/** Services through which people come in: what runs in their groups is those people's own. */
const GATEWAYS =
  /^(?:sshd?|cron|crond|atd|anacron|getty|serial-getty|gdm|lightdm|sddm|display-manager|xrdp|xrdp-sesman|slurmd|slurmstepd|docker|containerd|podman|crio|kubelet|k3s|k3s-agent|rke2-server|rke2-agent|jupyterhub|rstudio-server|user|session)(?:[@-].{0,200})?\.service$/;

/** Whether a system service only lets others in, so that it owns nothing of what they run. */
export function isGateway(unit: string): boolean {
  return GATEWAYS.test(unit);
}
