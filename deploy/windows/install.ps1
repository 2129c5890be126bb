<#
.SYNOPSIS
Installs cad-bridge as a Windows service, or brings an installed one up to date.

.DESCRIPTION
Run it in an elevated PowerShell, from the portable folder that deploy/windows/README.md describes. It copies Python and
cad-bridge to %ProgramFiles%\cad-bridge, lets nobody but administrators and the service into %ProgramData%\cad-bridge, checks
the configuration there, and starts the service. Run it again after every change of the portable folder: that is the upgrade.

.PARAMETER WinSW
The WinSW program (WinSW-x64.exe of release 2.12.0) that you downloaded.

.PARAMETER WinSWSha256
What its SHA-256 has to be. Without it the script only tells what it is.

.PARAMETER Source
The portable folder; the folder above this script unless said otherwise.

.PARAMETER NoStart
Leaves the service stopped.

.EXAMPLE
powershell -ExecutionPolicy Bypass -File service\install.ps1 -WinSW C:\Users\me\Downloads\WinSW-x64.exe
#>
#Requires -Version 5.1
[CmdletBinding()]
param(
    [Parameter(Mandatory = $true)] [string] $WinSW,
    [ValidatePattern('^[0-9A-Fa-f]{64}$')] [string] $WinSWSha256,
    [string] $Source = (Split-Path -Parent $PSScriptRoot),
    [switch] $NoStart
)

Set-StrictMode -Version 3.0
$ErrorActionPreference = 'Stop'

$Service = 'cadbridge'
$Program = Join-Path $env:ProgramFiles 'cad-bridge'
$Data = Join-Path $env:ProgramData 'cad-bridge'
$Configuration = Join-Path $Data 'bridge.toml'
# The names of accounts differ with the language of Windows; their numbers do not. The last one is NT SERVICE\cadbridge.
$System = '*S-1-5-18'
$Administrators = '*S-1-5-32-544'
$Bridge = '*S-1-5-80-3459015158-3995784206-984910393-1789406360-1733944063'

function Assert-Administrator {
    $identity = [Security.Principal.WindowsIdentity]::GetCurrent()
    $principal = New-Object Security.Principal.WindowsPrincipal($identity)
    if (-not $principal.IsInRole([Security.Principal.WindowsBuiltInRole]::Administrator)) {
        throw 'This needs an elevated PowerShell: right-click it and choose "Run as administrator".'
    }
}

function Invoke-Tool {
    param([string] $File, [string[]] $Arguments, [int] $HighestGoodCode = 0)
    & $File @Arguments | Out-Null
    if ($LASTEXITCODE -gt $HighestGoodCode) {
        throw "$File failed with exit code $LASTEXITCODE."
    }
}

function Assert-Source {
    foreach ($file in @((Join-Path $Source 'python\python.exe'), (Join-Path $PSScriptRoot 'cadbridge.xml'), $WinSW)) {
        if (-not (Test-Path -LiteralPath $file -PathType Leaf)) {
            throw "There is no $file."
        }
    }
    if (-not (Test-Path -LiteralPath $Configuration -PathType Leaf)) {
        throw "There is no $Configuration yet. Make one first: & '$Source\cad-bridge.bat' init"
    }
}

function Assert-WinSW {
    $found = (Get-FileHash -LiteralPath $WinSW -Algorithm SHA256).Hash
    if (-not $WinSWSha256) {
        Write-Warning "The SHA-256 of $WinSW is $found. Compare it with one that you trust."
    }
    elseif ($found -ne $WinSWSha256) {
        throw "The SHA-256 of $WinSW is $found, and not $WinSWSha256. Nothing was changed."
    }
}

function Stop-Bridge {
    $running = Get-Service -Name $Service -ErrorAction SilentlyContinue
    if ($running -and $running.Status -ne 'Stopped') {
        Write-Host 'Stopping the service ...'
        Stop-Service -Name $Service
        $running.WaitForStatus('Stopped', [TimeSpan]::FromSeconds(60))
    }
}

function Copy-Program {
    New-Item -ItemType Directory -Force -Path $Program | Out-Null
    $from = Join-Path $Source 'python'
    $to = Join-Path $Program 'python'
    # Robocopy's codes below 8 are all successes.
    Invoke-Tool 'robocopy.exe' @($from, $to, '/MIR', '/R:5', '/W:1', '/NP', '/NFL', '/NDL', '/NJH', '/NJS') 7
    Copy-Item -LiteralPath $WinSW -Destination (Join-Path $Program "$Service.exe") -Force
    Copy-Item -LiteralPath (Join-Path $PSScriptRoot 'cadbridge.xml') -Destination (Join-Path $Program "$Service.xml") -Force
}

function Register-Bridge {
    if (-not (Get-Service -Name $Service -ErrorAction SilentlyContinue)) {
        Write-Host 'Registering the service ...'
        Invoke-Tool (Join-Path $Program "$Service.exe") @('install')
    }
    # Gives the service a name of its own beside its account, NT SERVICE\cadbridge, which rights can be given to.
    Invoke-Tool 'sc.exe' @('sidtype', $Service, 'unrestricted')
}

function Protect-Data {
    New-Item -ItemType Directory -Force -Path (Join-Path $Data 'logs') | Out-Null
    $rights = @("${System}:(OI)(CI)(F)", "${Administrators}:(OI)(CI)(F)", "${Bridge}:(OI)(CI)(M)")
    Invoke-Tool 'icacls.exe' (@($Data, '/inheritance:r', '/grant:r') + $rights)
    # What lies in it already gets the folder's rights and no others.
    Invoke-Tool 'icacls.exe' @((Join-Path $Data '*'), '/reset', '/T', '/C', '/Q')
}

function Assert-Configuration {
    & (Join-Path $Program 'python\python.exe') -X utf8 -m bridge check --config $Configuration
    if ($LASTEXITCODE -ne 0) {
        throw "The configuration cannot be used: see above, mend $Configuration, run this again."
    }
}

Assert-Administrator
Assert-Source
Assert-WinSW
Stop-Bridge
Copy-Program
Register-Bridge
Protect-Data
Assert-Configuration
if ($NoStart) {
    Write-Host "Installed. Start it with: Start-Service $Service"
}
else {
    Start-Service -Name $Service
    Write-Host "The service runs. Its log: $(Join-Path $Data 'logs\cadbridge.err.log')"
}
