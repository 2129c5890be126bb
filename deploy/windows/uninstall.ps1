<#
.SYNOPSIS
Removes the cad-bridge service and its program; configuration, secrets and undelivered events stay unless you say otherwise.

.PARAMETER RemoveData
Deletes %ProgramData%\cad-bridge too, with the key, the tokens and every event that was not delivered yet. Asks first.

.EXAMPLE
powershell -ExecutionPolicy Bypass -File service\uninstall.ps1
#>
#Requires -Version 5.1
[CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'High')]
param(
    [switch] $RemoveData
)

Set-StrictMode -Version 3.0
$ErrorActionPreference = 'Stop'

$Service = 'cadbridge'
$Program = Join-Path $env:ProgramFiles 'cad-bridge'
$Data = Join-Path $env:ProgramData 'cad-bridge'

function Assert-Administrator {
    $identity = [Security.Principal.WindowsIdentity]::GetCurrent()
    $principal = New-Object Security.Principal.WindowsPrincipal($identity)
    if (-not $principal.IsInRole([Security.Principal.WindowsBuiltInRole]::Administrator)) {
        throw 'This needs an elevated PowerShell: right-click it and choose "Run as administrator".'
    }
}

function Unregister-Bridge {
    $installed = Get-Service -Name $Service -ErrorAction SilentlyContinue
    if (-not $installed) {
        Write-Host 'There is no such service.'
        return
    }
    if ($installed.Status -ne 'Stopped') {
        Write-Host 'Stopping the service ...'
        Stop-Service -Name $Service
        $installed.WaitForStatus('Stopped', [TimeSpan]::FromSeconds(60))
    }
    & sc.exe delete $Service | Out-Null
    if ($LASTEXITCODE -ne 0) {
        throw "sc.exe failed with exit code $LASTEXITCODE."
    }
}

function Remove-Folder {
    param([string] $Path)
    if (Test-Path -LiteralPath $Path) {
        Remove-Item -LiteralPath $Path -Recurse -Force -Confirm:$false
    }
}

Assert-Administrator
if ($PSCmdlet.ShouldProcess($Service, 'Remove the service and its program')) {
    Unregister-Bridge
    Remove-Folder $Program
}
if ($RemoveData -and $PSCmdlet.ShouldProcess($Data, 'Delete configuration, secrets and undelivered events')) {
    Remove-Folder $Data
}
elseif (Test-Path -LiteralPath $Data) {
    Write-Host "$Data stays: configuration, secrets and the events that were not delivered."
}
