class Examples:
    def __init__(self,*a): pass
